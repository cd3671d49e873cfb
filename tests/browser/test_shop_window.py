"""The pizzeria's shop window, in a real browser: what a customer can do, and what must not happen.

Elements are found by role and name, as a screen reader would. Each test also ends with an empty
console and no request to any other server (see conftest).
"""

from __future__ import annotations

import gzip
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

from playwright.sync_api import expect

from .conftest import ROOT, Shop, Watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

CONFIRMED = re.compile(r"/orders/[0-9a-f-]{36}$")
NUMBER = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")


def add(page: Page, pizza: str, size: str) -> None:
    page.get_by_role("button", name=re.compile(rf"^Add {re.escape(pizza)}, size {size} ")).click()


def cart(page: Page) -> Locator:
    return page.get_by_role("region", name="Your order")


def order_button(page: Page) -> Locator:
    return cart(page).get_by_role(
        "button", name=re.compile("^(Place order|Accept|Send it again|Placing)")
    )


def refuse(page: Page, code: str, **members: Any) -> None:
    """Answer the next checkout with a refusal, as the server would."""
    problem = {"type": "about:blank", "title": "Conflict", "status": 409, "code": code, **members}

    def answer(route: Route) -> None:
        route.fulfill(status=409, content_type="application/problem+json", body=json.dumps(problem))

    page.route("**/checkout", answer, times=1)


def test_keyboard_alone_leads_from_search_to_order_confirmed(page: Page, shop: Shop) -> None:
    page.goto("/")
    press = page.keyboard.press
    for _ in range(4):  # skip link, brand, my orders, search
        press("Tab")
    expect(page.get_by_role("searchbox", name="Search the menu")).to_be_focused()
    page.keyboard.type("hawai")
    expect(page.get_by_role("status").filter(has_text="1 pizza")).to_be_visible()
    press("Tab")
    expect(page.get_by_role("radio", name="All")).to_be_focused()
    press("ArrowRight")
    expect(page.get_by_role("radio", name="Classic")).to_be_checked()
    for _ in range(2):
        press("Tab")
    expect(page.get_by_role("button", name="Add Hawaiian, size M")).to_be_focused()
    press("Enter")
    press("Space")
    expect(cart(page)).to_contain_text("$26.50")
    for _ in range(4):  # size L, one less, one more, the order button
        press("Tab")
    expect(order_button(page)).to_be_focused()
    press("Enter")
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_focused()
    expect(page).to_have_url(CONFIRMED)
    expect(page.get_by_text(NUMBER)).to_be_visible()
    order = shop.get(f"/api{page.url.removeprefix(shop.url)}?expand=lines")
    assert (order["total"], order["state"]) == (2650, "placed")
    assert [(x["name"], x["size_name"], x["quantity"]) for x in order["lines"]["items"]] == [
        ("Hawaiian", "M", 2)
    ]


def test_roles_and_names_tell_what_is_there(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("banner")).to_be_visible()
    expect(page.get_by_role("main")).to_be_visible()
    expect(page.get_by_role("search", name="Menu")).to_be_visible()
    expect(page.get_by_role("group", name="Category").get_by_role("radio")).to_have_count(5)
    expect(page.get_by_role("status").filter(has_text="32 pizzas")).to_be_visible()
    expect(page.get_by_role("heading", name="The Greek")).to_be_visible()
    sizes = page.get_by_role("group", name="The Greek, sizes").get_by_role("button")
    expect(sizes).to_have_text(["S $12.00", "M $16.00", "L $20.50", "XL $25.50", "XXL $35.95"])
    expect(cart(page)).to_contain_text("Nothing here yet")
    add(page, "The Greek", "XXL")
    said = page.get_by_role("status").filter(has_text="Added The Greek, size XXL.")
    expect(said).to_have_text("Added The Greek, size XXL. 1 in your order, $35.95.")
    expect(cart(page).get_by_role("button", name="Remove The Greek, size XXL")).to_be_visible()
    expect(page.get_by_text("You pay at the door.")).to_be_visible()


def test_search_as_you_type_keeps_its_address(page: Page) -> None:
    page.goto("/")
    page.get_by_role("searchbox").press_sequentially("spinach f")  # one letter alone asks nothing
    expect(page.get_by_role("heading", level=2, name="Spinach")).to_have_count(3)
    page.get_by_role("searchbox").press_sequentially("e")
    expect(page.get_by_role("heading", level=2, name="Spinach")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/\?q=spinach\+fe$"))
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("spinach fe")
    expect(page.get_by_role("status").filter(has_text="1 pizza")).to_be_visible()


def test_only_the_answer_to_the_last_letters_is_shown(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("32 pizzas")).to_be_visible()
    held: list[Route] = []
    page.route(re.compile("q=haw"), lambda route: held.append(route), times=1)
    with page.expect_request(re.compile("q=haw")):
        page.get_by_role("searchbox").fill("haw")
    page.get_by_role("searchbox").fill("greek")
    expect(page.get_by_text("1 pizza", exact=True)).to_be_visible()
    held[0].abort()
    expect(page.get_by_role("heading", name="The Greek")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="menu")).to_have_count(0)


def test_nothing_found_offers_the_whole_menu(page: Page) -> None:
    page.goto("/?q=anchovy&category=veggie")
    expect(page.get_by_text("No pizza found")).to_be_visible()
    page.get_by_role("button", name="Show the whole menu").click()
    expect(page.get_by_text("32 pizzas")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_show_more_goes_on_where_the_list_ended(page: Page) -> None:
    def shorten(route: Route) -> None:
        route.continue_(url=route.request.url.replace("limit=50", "limit=20"))

    page.route("**/api/pizzas?**", shorten)
    page.goto("/")
    expect(page.get_by_text("20 or more pizzas")).to_be_visible()
    page.get_by_role("button", name="Show more pizzas").click()
    expect(page.get_by_text("32 pizzas")).to_be_visible()
    expect(page.get_by_role("button", name="Show more pizzas")).to_be_hidden()
    names = page.get_by_role("heading", level=2).all_inner_texts()
    assert len(set(names) - {"Your order"}) == 32


def test_double_click_places_one_order(page: Page, shop: Shop) -> None:
    before = shop.count_orders()
    page.goto("/")
    add(page, "Big Meat", "S")
    order_button(page).dblclick()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert shop.count_orders() == before + 1


def test_enter_held_down_places_one_order(page: Page, shop: Shop) -> None:
    before = shop.count_orders()
    page.goto("/")
    add(page, "Big Meat", "S")
    order_button(page).focus()
    for _ in range(8):
        page.keyboard.down("Enter")  # without an up between: the key repeats
    page.keyboard.up("Enter")
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert shop.count_orders() == before + 1


def test_two_tabs_place_one_order(context: BrowserContext, shop: Shop) -> None:
    before = shop.count_orders()
    first, second = context.new_page(), context.new_page()
    first.goto("/")
    add(first, "Sicilian", "L")
    second.goto("/")
    expect(order_button(second)).to_contain_text("$20.25")
    held: list[Route] = []
    for tab in (first, second):  # both are sent before either is answered
        tab.route("**/checkout", lambda route: held.append(route))
        with tab.expect_request("**/checkout"):
            order_button(tab).click()
    for route in held:
        route.continue_()
    for tab in (first, second):
        expect(tab.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert first.url == second.url
    assert shop.count_orders() == before + 1


def test_lost_answer_and_retry_place_one_order(page: Page, shop: Shop) -> None:
    before = shop.count_orders()

    def lose(route: Route) -> None:
        route.fetch()  # the server hears it, the page does not hear the server
        route.abort()

    page.route("**/checkout", lose, times=1)
    page.goto("/")
    add(page, "Napolitana", "M")
    order_button(page).click()
    expect(cart(page).get_by_role("alert")).to_contain_text("We have no answer yet.")
    more = cart(page).get_by_role("button", name="One more Napolitana")
    expect(more).to_have_attribute("aria-disabled", "true")
    page.reload()
    expect(cart(page).get_by_role("alert")).to_contain_text("it cannot be placed twice")
    cart(page).get_by_role("button", name="Send it again").click()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert shop.count_orders() == before + 1


def test_confirmation_survives_reload_and_back_has_nothing_to_order(page: Page, shop: Shop) -> None:
    page.goto("/")
    add(page, "Calabrese", "S")
    order_button(page).click()
    number = page.get_by_text(NUMBER).inner_text()
    before = shop.count_orders()
    page.reload()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    expect(page.get_by_text(number)).to_be_visible()
    page.go_back()
    expect(page.get_by_text("32 pizzas")).to_be_visible()
    expect(order_button(page)).to_have_count(0)
    cart(page).get_by_role("link", name=number).click()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert shop.count_orders() == before


def test_changed_price_is_shown_and_waits_to_be_accepted(page: Page, shop: Shop) -> None:
    def show_old_price(route: Route) -> None:
        answer = route.fetch()
        menu = answer.json()
        for pizza in menu["items"]:
            for size in pizza["sizes"]["items"]:
                size["price"] -= 100
        route.fulfill(response=answer, json=menu)

    page.route("**/api/pizzas?**", show_old_price, times=1)
    before = shop.count_orders()
    page.goto("/")
    add(page, "Hawaiian", "S")
    expect(order_button(page)).to_have_text("Place order · $9.50")
    order_button(page).click()
    expect(cart(page).get_by_role("alert")).to_contain_text("It is $10.50 now, not $9.50.")
    assert shop.count_orders() == before
    expect(order_button(page)).to_have_text("Accept $10.50 and order")
    order_button(page).click()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("$10.50")
    assert shop.count_orders() == before + 1


def test_sold_out_names_its_line_and_orders_nothing(page: Page, shop: Shop) -> None:
    page.goto("/")
    add(page, "Pepperoni", "L")
    add(page, "Brie Carre", "S")
    shop.sell_out("Brie Carre", "S")
    before = shop.count_orders()
    order_button(page).click()
    alert = cart(page).get_by_role("alert")
    expect(alert).to_contain_text("Nothing has been ordered.")
    line = cart(page).get_by_role("listitem").filter(has_text="Brie Carre")
    expect(line).to_contain_text("Brie Carre, size S, is sold out.")
    assert shop.count_orders() == before
    expect(page.get_by_role("button", name="Brie Carre, size S sold out")).to_be_disabled()
    line.get_by_role("button", name="Remove Brie Carre, size S").click()
    order_button(page).click()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert shop.count_orders() == before + 1


def test_size_gone_from_the_menu_is_taken_out_of_the_cart(page: Page) -> None:
    page.goto("/")
    add(page, "Mexicana", "M")
    add(page, "Mexicana", "L")

    def drop_one(route: Route) -> None:
        answer = route.fetch()
        sizes = answer.json()
        sizes["items"] = [size for size in sizes["items"] if size["size"] != "L"]
        route.fulfill(response=answer, json=sizes)

    page.route("**/api/sizes?**", drop_one)
    page.reload()
    expect(cart(page).get_by_role("alert")).to_contain_text("no longer on the menu")
    expect(cart(page).get_by_role("listitem")).to_have_count(1)
    expect(order_button(page)).to_have_text("Place order · $16.00")


def test_refusal_without_a_line_says_why(page: Page, shop: Shop) -> None:
    before = shop.count_orders()
    refuse(page, "closed", detail="The kitchen has closed for today.")
    page.goto("/")
    add(page, "Soppressata", "M")
    order_button(page).click()
    expect(cart(page).get_by_role("alert")).to_contain_text("The kitchen has closed for today.")
    assert shop.count_orders() == before


def test_cart_survives_reload_with_ids_and_quantities_only(page: Page) -> None:
    page.goto("/")
    add(page, "Thai Chicken", "L")
    add(page, "Thai Chicken", "L")
    page.reload()
    expect(order_button(page)).to_have_text("Place order · $41.50")
    stored = page.evaluate("JSON.parse(localStorage.getItem('pizzeria.cart'))")
    assert set(stored) == {"order", "lines", "sent", "last"}
    assert list(stored["lines"].values()) == [2]
    cart(page).get_by_role("button", name="One less Thai Chicken, size L").click()
    cart(page).get_by_role("button", name="Remove Thai Chicken, size L").click()
    expect(page.get_by_role("heading", name="Your order")).to_be_focused()
    expect(order_button(page)).to_have_count(0)


def test_names_with_markup_are_shown_as_text(page: Page) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script> \u202eazzip"

    def rename(route: Route) -> None:
        answer = route.fetch()
        menu = answer.json()
        menu["items"][0]["name"] = evil
        route.fulfill(response=answer, json=menu)

    page.route("**/api/pizzas?**", rename)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.goto("/")
    expect(page.get_by_role("heading", level=2).first).to_have_text(evil)
    page.get_by_role("button", name="Add <img").first.click()
    expect(cart(page)).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("main img, main script").count() == 0


def test_offline_menu_comes_back_by_retry(page: Page, context: BrowserContext) -> None:
    page.goto("/")
    expect(page.get_by_text("32 pizzas")).to_be_visible()
    context.set_offline(True)
    page.get_by_role("radio", name="Chicken").check(force=True)
    alert = page.get_by_role("alert").filter(has_text="The menu could not be read.")
    expect(alert).to_contain_text("You seem to be offline.")
    alert.get_by_role("button", name="Try again").click()
    expect(alert).to_be_visible()
    context.set_offline(False)  # the page hears it and asks again by itself
    expect(page.get_by_text("6 pizzas")).to_be_visible()


def test_failing_server_is_told_and_asked_again(page: Page) -> None:
    page.route("**/api/pizzas?**", lambda route: route.fulfill(status=503, body="no"), times=1)
    page.goto("/")
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    expect(page.get_by_text("32 pizzas")).to_be_visible()


def test_unknown_order_says_so(page: Page) -> None:
    page.goto("/orders/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("heading", name="No such order")).to_be_visible()
    page.get_by_role("link", name="See the menu").click()
    expect(page.get_by_text("32 pizzas")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screen_needs_no_sideways_scrolling(
    browser: Browser, shop: Shop, watch: Watch, scheme: Any
) -> None:
    narrow = {"width": 320, "height": 640}
    kept = shop.browser_of(shop.token)
    context = browser.new_context(
        base_url=shop.url, viewport=narrow, color_scheme=scheme, storage_state=kept  # type: ignore[arg-type]  # a TypedDict there
    )  # fmt: skip
    watch.follow(context)
    page = context.new_page()

    def fits() -> bool:
        wide: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        return wide

    page.goto("/")
    expect(page.get_by_text("32 pizzas")).to_be_visible()
    assert fits()
    add(page, "Pepperoni, Mushroom and Peppers", "L")
    page.get_by_role("link", name="Your order 1").click()
    expect(order_button(page)).to_be_in_viewport()
    assert fits()
    order_button(page).click()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert fits()
    page.get_by_role("button", name="Cancel the order").click()
    assert fits()
    page.goto("/orders")
    expect(page.get_by_text("Signed in as Ann")).to_be_visible()
    assert fits()
    page.goto("/?q=zz")
    expect(page.get_by_text("No pizza found")).to_be_visible()
    assert fits()
    context.close()
    assert (watch.complaints, watch.outside) == ([], [])


def test_quiet_visit_leaves_not_one_console_line(page: Page, watch: Watch) -> None:
    page.goto("/")
    add(page, "Green Garden", "M")
    order_button(page).click()
    expect(page.get_by_role("heading", name="Order confirmed")).to_be_visible()
    assert (watch.complaints, watch.refusals, watch.outside) == ([], [], [])


def test_page_is_small_and_ready_for_a_strict_policy(shop: Shop, page: Page) -> None:
    static = ROOT / "examples" / "pizzeria" / "static"
    parts = {path.name: path.read_text("utf-8") for path in static.iterdir()}
    assert sum(len(gzip.compress(part.encode())) for part in parts.values()) < 18_000
    html = parts["index.html"]
    script = "".join(text for name, text in parts.items() if name.endswith(".js"))
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! type=\"module\" src=)", html)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    answer = page.goto("/")
    assert answer is not None
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.skipif(os.environ.get("STANCHION_SCREENSHOTS") != "1", reason="no screenshots asked")
def test_screenshot_for_the_docs(page: Page) -> None:
    page.goto("/")
    add(page, "Hawaiian", "M")
    add(page, "Hawaiian", "M")
    add(page, "Calabrese", "L")
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(0, 0)
    target = ROOT / "docs" / "images" / "shop-window.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
