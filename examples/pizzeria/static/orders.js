/* What somebody ordered: the list at `/orders`, each order at its own address, its note and its end.
 *
 * In: `/api/orders`. Out: `PATCH /api/orders/{id}` (the note), `POST /orders/{id}/cancel`.
 */

import { asMe, forget, signIn, signOut } from "./account.js";
import { $, ask, button, el, menuLink, say, send, show, SIZES } from "./parts.js";

const TITLES = {
  placed: "Order confirmed",
  baking: "Your order is in the oven",
  ready: "Your order is ready",
  closed: "Order closed",
  canceled: "Order canceled",
};
const STATES = { placed: "placed", baking: "in the oven", ready: "ready", closed: "closed", canceled: "canceled" };
const day = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "short" });

function fill(title, ...parts) {
  $("order").hidden = false;
  $("order-title").textContent = title;
  document.title = `${title} · Pizzeria`;
  $("order-body").replaceChildren(...parts.filter((part) => part != null));
}

/** Read something and show it; what stands in the way is told, with a way out. */
async function read(title, load, again) {
  fill(title, el("p", { role: "status" }, "One moment…"));
  try {
    await load();
    $("order-title").focus();
  } catch (error) {
    const { status } = error;
    const enter = async () => (await signIn("Your orders are yours alone.")) && again();
    if (status === 401) {
      forget();
      tell(title, "Sign in to see what you ordered.", button("main", "Sign in", enter));
    } else if (status >= 400 && status < 500) {
      tell("No such order", "You have no order at this address.", menuLink("See the menu"));
    } else {
      tell(title, `This could not be read. ${error.why}`, button("main", "Try again", again));
    }
  }
}

function tell(title, text, way) {
  fill(title, el("div", { class: "state", role: "alert" }, el("p", {}, text), way));
}

// My orders.

export function showOrders() {
  const list = el("ul", { class: "placed" });
  const more = button("plain", "Show more orders", () => load(more.dataset.after));
  let mine = "";

  async function load(after = "") {
    const filter = encodeURIComponent(`customer == "${mine}"`);
    const page = await ask(`/api/orders?filter=${filter}&sort=-created&limit=20${after && `&after=${after}`}`);
    const rows = page.items.map(renderRow);
    list.append(...rows);
    more.hidden = !page.next;
    more.dataset.after = encodeURIComponent(page.next ?? "");
    if (after) rows[0]?.querySelector("a").focus();
  }

  return read(
    "My orders",
    async () => {
      const { user } = await ask("/api/auth/me");
      mine = user.id;
      await load();
      const none = list.children.length ? null : el("p", { class: "hint" }, "Nothing yet.");
      const leave = button("plain", "Sign out", async () => (await signOut(), location.assign("/")));
      const who = el("p", { class: "number" }, `Signed in as ${user.name}`);
      fill("My orders", who, none ?? list, more, el("p", { class: "ways" }, menuLink("See the menu"), leave));
    },
    showOrders,
  );
}

function renderRow(order) {
  const what = `${day.format(new Date(order.created))} · ${STATES[order.state] ?? order.state}`;
  return el(
    "li",
    {},
    el("span", {}, el("a", { href: `/orders/${order.id}` }, order.number), el("small", {}, what)),
    el("span", { class: "sum" }, show(order.total)),
  );
}

// One order.

export function showOrder(id) {
  const url = `/api/orders/${encodeURIComponent(id)}`;
  const again = () => showOrder(id);
  return read("Your order", async () => renderOrder(await ask(`${url}?expand=lines`), url, again), again);
}

function renderOrder(order, url, again) {
  const waits = order.state === "placed";
  const lines = order.lines.items.map((line) =>
    el(
      "li",
      {},
      el("span", {}, `${line.quantity} × ${line.name}, ${SIZES[line.size_name] ?? line.size_name}`),
      el("span", { class: "sum" }, show(line.quantity * line.unit_price)),
    ),
  );
  fill(
    TITLES[order.state] ?? "Your order",
    el("p", { class: "number" }, "Number ", el("b", {}, order.number)),
    el("ul", {}, ...lines),
    el("p", { class: "total" }, el("span", {}, "Total"), " ", el("b", {}, show(order.total))),
    waits ? el("p", { class: "hint" }, "Say this number at the door. You pay there.") : null,
    waits ? renderNote(order, url) : order.note && el("p", { class: "hint" }, `Your note: ${order.note}`),
    el("p", { class: "ways" }, menuLink("Order something else"), waits ? renderCancel(order, again) : null),
  );
}

function renderNote(order, url) {
  const input = el("input", { id: "note", maxlength: 200, value: order.note, autocomplete: "off", "aria-describedby": "note-fault" });
  const fault = el("p", { id: "note-fault", class: "why", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    fault.textContent = "";
    input.removeAttribute("aria-invalid");
    try {
      const note = input.value.trim();
      await asMe(() => send("PATCH", url, { note }), "Sign in to keep your note.");
      say("Your note is kept.");
      save.textContent = "Kept";
    } catch (error) {
      const told = error.problem.errors?.find(({ pointer }) => pointer === "/note");
      fault.textContent = told?.detail ?? error.why;
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  };
  const save = el("button", { class: "plain" }, "Keep the note");
  input.addEventListener("input", () => (save.textContent = "Keep the note"));
  const label = el("label", { for: "note" }, "A note for the door");
  return el("form", { class: "entry", submit }, label, el("span", { class: "row" }, input, save), fault);
}

/** It takes two presses, because it cannot be taken back. */
function renderCancel(order, again) {
  const box = el("span", { class: "cancel" });
  const makeSure = () => {
    const keep = button("plain", "Keep it", () => (offer(), box.firstChild.focus()));
    const really = button("main", "Yes, cancel it", cancel);
    box.replaceChildren(el("span", { role: "status" }, "Cancel this order? "), really, keep);
    keep.focus();
  };
  const offer = () => box.replaceChildren(button("plain", "Cancel the order", makeSure));
  const cancel = async () => {
    try {
      await asMe(() => send("POST", `/orders/${order.id}/cancel`), "Sign in to cancel your order.");
      await again();
      say("Your order is canceled. There is nothing to pay.");
    } catch (error) {
      if (error.status === 409) await again(); // it is in the oven: say so in its title
      const told = el("p", { class: "note", role: "alert" }, error.why);
      $("order-body").prepend(told);
    }
  };
  offer();
  return box;
}
