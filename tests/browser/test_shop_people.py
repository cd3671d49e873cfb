"""People in the pizzeria's shop window: signing in, a session that ends, their orders.

Found by role and name, as in test_shop_window; each test also ends with an empty console and no
request to any other server (see conftest).
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

from playwright.sync_api import expect

from .conftest import PASSWORD, Shop
from .test_shop_window import CONFIRMED, add, cart, order_button

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page, Route


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def place(shop: Shop) -> str:
    """An order of Ann's; its path."""
    size = shop.find_size("Hawaiian", "M")
    order = shop.order([{"size": size["id"], "quantity": 2}], size["price"] * 2)
    return f"/orders/{order['id']}"


def shoot(page: Page, name: str) -> None:
    """A picture to look at, where pictures are asked for."""
    if folder := os.environ.get("PICTURES_IN"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_a_guest_registers_from_the_cart_by_keyboard_and_orders(stranger: Page, shop: Shop) -> None:
    page, press, type_in = stranger, stranger.keyboard.press, stranger.keyboard.type
    page.goto("/")
    add(page, "Hawaiian", "M")
    order_button(page).focus()
    press("Enter")
    expect(dialog(page)).to_be_visible()
    expect(page.get_by_role("textbox", name="E-mail address")).to_be_focused()
    page.get_by_role("button", name="I have no account yet").focus()
    press("Enter")
    expect(page.get_by_role("heading", name="Make an account")).to_be_visible()
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    type_in("Gus")
    press("Tab")
    type_in("gus@example.com")
    press("Tab")
    type_in("gus")
    press("Enter")
    password = page.get_by_label("Password")
    expect(password).to_be_focused()  # the mistake is told beside its field
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_have_accessible_description(re.compile("At least 8 characters. .*8"))
    shoot(page, "register-fault")
    password.fill(PASSWORD)
    press("Enter")
    expect(dialog(page)).to_have_count(0)
    expect(order_button(page)).to_be_focused()
    expect(cart(page)).to_contain_text("You are signed in.")
    expect(cart(page)).to_contain_text("$13.25")
    shoot(page, "signed-in")
    press("Enter")
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_focused()
    expect(page).to_have_url(CONFIRMED)
    page.get_by_role("link", name="My orders").click()
    expect(page.get_by_text("Signed in as Gus")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)


def test_what_is_wrong_is_told_in_the_dialog(stranger: Page, shop: Shop) -> None:
    page = stranger
    page.goto("/")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("E-mail address").fill("ann@example.com")
    page.get_by_label("Password").fill("not the password")
    dialog(page).get_by_role("button", name="Sign in").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("No account has this address")
    shoot(page, "wrong-login")
    dialog(page).get_by_role("button", name="I have no account yet").click()
    expect(dialog(page).get_by_role("alert")).to_have_count(0)
    page.get_by_label("Name").fill("Ann")
    page.get_by_label("Password").fill(PASSWORD)
    dialog(page).get_by_role("button", name="Make the account").click()
    address = page.get_by_label("E-mail address")  # she has an account
    expect(address).to_be_focused()
    expect(address).to_have_accessible_description(re.compile("."))
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Sign in")).to_be_focused()


def test_a_closed_dialog_leaves_the_cart_and_orders_nothing(stranger: Page, shop: Shop) -> None:
    page = stranger
    page.goto("/")
    add(page, "Big Meat", "S")
    order_button(page).click()
    dialog(page).get_by_role("button", name="Not now").click()
    expect(order_button(page)).to_be_focused()
    expect(cart(page).get_by_role("alert")).to_contain_text("Nothing has been ordered yet.")
    more = cart(page).get_by_role("button", name="One more Big Meat")
    expect(more).to_have_attribute("aria-disabled", "false")


def test_a_session_that_ended_in_mid_checkout(
    page: Page, context: BrowserContext, shop: Shop
) -> None:
    """Sign in, return, the cart is as it was; and one order is placed."""
    before = shop.count_orders()
    page.goto("/")
    add(page, "Calabrese", "L")
    add(page, "Calabrese", "L")
    context.clear_cookies()
    order_button(page).click()
    expect(dialog(page)).to_contain_text("Your order waits.")
    shoot(page, "session-ended")
    page.get_by_label("E-mail address").fill("ann@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(order_button(page)).to_be_focused()
    expect(order_button(page)).to_have_text("Place order · $40.50")
    assert shop.count_orders() == before
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert shop.count_orders() == before + 1


def test_a_lost_answer_and_an_ended_session_place_one_order(
    page: Page, context: BrowserContext, shop: Shop
) -> None:
    """The first try may have been heard: what was sent stays as it is until that is known."""
    before = shop.count_orders()

    def lose(route: Route) -> None:
        route.fetch()  # the server hears it, the page does not hear the server
        route.abort()

    page.route("**/checkout", lose, times=1)
    page.goto("/")
    add(page, "Napolitana", "M")
    order_button(page).click()
    expect(cart(page).get_by_role("alert")).to_contain_text("We have no answer yet.")
    context.clear_cookies()
    order_button(page).click()
    page.get_by_label("E-mail address").fill("ann@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    more = cart(page).get_by_role("button", name="One more Napolitana")
    expect(more).to_have_attribute("aria-disabled", "true")
    order_button(page).click()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert shop.count_orders() == before + 1


def test_an_order_is_canceled_and_its_pizzas_come_back(page: Page, shop: Shop) -> None:
    stock = shop.find_size("Hawaiian", "M")["stock"]
    page.goto(place(shop))
    page.get_by_role("button", name="Cancel the order").click()
    keep = page.get_by_role("button", name="Keep it")
    expect(keep).to_be_focused()
    shoot(page, "cancel")
    keep.press("Enter")
    cancel = page.get_by_role("button", name="Cancel the order")
    expect(cancel).to_be_focused()
    assert shop.find_size("Hawaiian", "M")["stock"] == stock - 2
    cancel.press("Enter")
    page.get_by_role("button", name="Yes, cancel it").press("Enter")
    expect(page.get_by_role("heading", name="Order canceled")).to_be_focused()
    expect(page.get_by_role("button", name="Cancel the order")).to_have_count(0)
    expect(page.get_by_role("textbox")).to_have_count(0)
    expect(page.get_by_role("main")).not_to_contain_text("null")
    assert shop.find_size("Hawaiian", "M")["stock"] == stock
    shoot(page, "canceled")


def test_too_late_to_cancel_says_so(page: Page, shop: Shop) -> None:
    path = place(shop)

    def late(route: Route) -> None:
        problem = {"status": 409, "code": "too_late", "detail": "It is too late to cancel."}
        body = json.dumps(problem)
        route.fulfill(status=409, content_type="application/problem+json", body=body)

    page.route("**/cancel", late)
    page.goto(path)
    page.get_by_role("button", name="Cancel the order").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.get_by_role("alert").filter(has_text="too late")).to_be_visible()


def test_a_note_is_kept_also_when_the_session_has_ended(
    page: Page, context: BrowserContext, shop: Shop
) -> None:
    path = place(shop)
    page.goto(path)
    note = page.get_by_role("textbox", name="A note for the door")
    note.fill("Second bell")
    context.clear_cookies()
    note.press("Enter")
    page.get_by_label("E-mail address").fill("ann@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Kept")).to_be_visible()
    assert shop.get(f"/api{path}")["note"] == "Second bell"
    shoot(page, "note")
    page.reload()
    expect(note).to_have_value("Second bell")


def test_orders_are_for_their_customer(stranger: Page, shop: Shop) -> None:
    """A guest is asked to sign in; another customer is told that there is none."""
    page, path = stranger, place(shop)
    page.goto(path)
    expect(page.get_by_role("alert").filter(has_text="Sign in")).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    name = f"eve{uuid4().hex[:6]}"
    shop.register(name)
    page.get_by_label("E-mail address").fill(f"{name}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No such order")).to_be_visible()
    page.goto("/orders")
    expect(page.get_by_text("Nothing yet.")).to_be_visible()


def test_signing_out_ends_the_session(stranger: Page, shop: Shop) -> None:
    page, name = stranger, f"sam{uuid4().hex[:6]}"
    shop.register(name)
    page.goto("/orders")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_label("E-mail address").fill(f"{name}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Signed in as {name.title()}")).to_be_visible()
    shoot(page, "my-orders")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("32 pizzas")).to_be_visible()
    assert page.evaluate("fetch('/api/auth/me').then((answer) => answer.status)") == 401


def test_my_orders_are_listed_the_newest_first(page: Page, shop: Shop) -> None:
    first, second = place(shop), place(shop)
    page.goto("/")
    page.get_by_role("link", name="My orders").click()
    links = page.get_by_role("main").get_by_role("listitem").get_by_role("link")
    expect(links.nth(0)).to_have_attribute("href", second)
    expect(links.nth(1)).to_have_attribute("href", first)
    shoot(page, "list")
    links.nth(0).click()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()


def test_without_storage_the_window_still_signs_in(stranger: Page, shop: Shop) -> None:
    page, name = stranger, f"pat{uuid4().hex[:6]}"
    shop.register(name)
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})"
    page.add_init_script(refuse)
    page.goto("/")
    add(page, "Big Meat", "S")
    order_button(page).click()
    page.get_by_label("E-mail address").fill(f"{name}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="My orders")).to_be_visible()
    order_button(page).click()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
