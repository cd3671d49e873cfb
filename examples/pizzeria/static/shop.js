/* The shop window: search, cart and checkout, on the public API. Who is signed in: account.js; what
 * was ordered: orders.js.
 *
 * In: `/api/pizzas`, `/api/sizes`. Out: `POST /checkout`.
 * The cart in localStorage holds ids and quantities; every price shown comes from the server.
 */

import { forget, openAccount, signIn, signedIn } from "./account.js";
import { showOrder, showOrders } from "./orders.js";
import { $, ask, button, el, say, send, shape, show, SIZES } from "./parts.js";

const LIMITS = { lines: 50, quantity: 50, debounce: 150 };
// The cart: {order, lines: {sizeId: quantity}, sent, last}. `order` is the id of the order to be;
// it stays the same until the order is answered, so that sending again cannot place it twice.
// `sent` is a checkout that went out and has no answer yet; until it has one, the cart stays as
// it is. `last` is the order placed before.

const KEY = "pizzeria.cart";
let kept = null; // where the browser refuses storage

function makeId() {
  if (crypto.randomUUID) return crypto.randomUUID(); // only where the page counts as secure
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte, at) => {
    const marked = at === 6 ? (byte & 15) | 64 : at === 8 ? (byte & 63) | 128 : byte;
    return marked.toString(16).padStart(2, "0");
  });
  return hex.join("").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function loadCart() {
  let text = kept;
  try {
    text = localStorage.getItem(KEY) ?? kept;
  } catch {
    /* refused: kept in memory */
  }
  try {
    const cart = JSON.parse(text);
    if (cart?.order && cart.lines) return cart;
  } catch {
    /* unreadable: start afresh */
  }
  return { order: makeId(), lines: {}, sent: null, last: null };
}

function saveCart(next) {
  cart = next;
  kept = JSON.stringify(next);
  try {
    localStorage.setItem(KEY, kept);
  } catch {
    /* kept in memory */
  }
}

let cart = loadCart();
const known = new Map(); // size id -> {name, size, price, stock}, as last told by the server
let sending = false;
let accepted = null; // the new total of a `price_changed`, until the cart changes
let faults = new Map(); // size id -> why this line was refused
let notice = null; // {kind, title, text, retry}

function learn(pizza, size) {
  const stock = pizza.available ? size.stock : 0;
  known.set(size.id, { name: pizza.name, size: size.size, price: size.price, stock });
}

function sumUp() {
  const lines = Object.entries(cart.lines);
  const total = lines.reduce((sum, [id, n]) => sum + (known.get(id)?.price ?? NaN) * n, 0);
  return { lines, count: lines.reduce((sum, [, n]) => sum + n, 0), total: accepted ?? total };
}

function setQuantity(id, change) {
  saveCart(loadCart()); // another tab may have changed it
  const quantity = (cart.lines[id] ?? 0) + change;
  const what = describe(id);
  if (cart.sent || sending) return say("This order is on its way; it cannot be changed now.");
  if (quantity > LIMITS.quantity) return say(`${LIMITS.quantity} of one size is the most we bake.`);
  if (!cart.lines[id] && Object.keys(cart.lines).length >= LIMITS.lines) {
    return say(`An order has room for ${LIMITS.lines} different pizzas.`);
  }
  if (quantity > 0) cart.lines[id] = quantity;
  else delete cart.lines[id];
  saveCart(cart);
  [accepted, notice, faults] = [null, null, new Map()];
  renderCart();
  const { count, total } = sumUp();
  const now = count ? `${count} in your order, ${show(total)}` : "Your order is empty";
  say(`${change > 0 ? "Added" : "Took away"} ${what}. ${now}.`);
}

function describe(id) {
  const size = known.get(id);
  return size ? `${size.name}, size ${size.size}` : "one pizza";
}

/** Ask for today's prices of what is in the cart; drop what is no longer on the menu. */
async function priceCart() {
  const ids = Object.keys(cart.lines);
  if (!ids.length) return;
  const filter = encodeURIComponent(`id in [${ids.map((id) => JSON.stringify(id)).join(", ")}]`);
  try {
    const { items } = await ask(`/api/sizes?filter=${filter}&expand=pizza&limit=${LIMITS.lines}`);
    items.forEach((size) => learn(size.pizza, size));
    dropLines(ids.filter((id) => !items.some((size) => size.id === id)));
  } catch (error) {
    notice ??= { title: "Prices could not be read.", text: error.why, retry: priceCart };
  }
  renderCart();
}

function dropLines(ids) {
  if (!ids.length || cart.sent) return;
  ids.forEach((id) => delete cart.lines[id]);
  saveCart(cart);
  notice = {
    title: "Your order has changed.",
    text: "Something in it is no longer on the menu and was taken out.",
  };
}

// Checkout.

async function placeOrder() {
  saveCart(loadCart());
  const { lines, total } = sumUp();
  if (sending || !lines.length || (!cart.sent && Number.isNaN(total))) return;
  const again = Boolean(cart.sent);
  cart.sent ??= {
    id: cart.order,
    lines: lines.map(([size, quantity]) => ({ size, quantity })),
    total,
  };
  saveCart(cart);
  sending = true;
  [notice, faults] = [null, new Map()];
  renderCart();
  const sent = cart.sent;
  try {
    finishOrder(await send("POST", "/checkout", sent));
  } catch (error) {
    sending = false;
    await (error.status === 401 ? askWho(again) : readRefusal(error, sent));
  }
}

/** Nobody is signed in: this try ordered nothing. What a try before it did stays unknown. */
async function askWho(again) {
  if (!again) saveCart({ ...loadCart(), sent: null });
  forget();
  if (!again) notice = { title: "Nothing has been ordered yet.", text: "Sign in to place your order." };
  renderCart();
  if (!(await signIn("Your order waits. Sign in, then place it."))) return;
  saveCart(loadCart());
  notice = again ? null : { title: "You are signed in.", text: "Place your order when you are ready." };
  renderCart();
  await priceCart();
  $("place").focus();
}

function finishOrder(order) {
  const now = loadCart();
  if (now.order === order.id) {
    const last = { id: order.id, number: order.number };
    saveCart({ order: makeId(), lines: {}, sent: null, last });
  }
  location.assign(`/orders/${order.id}`); // `sending` stays true: nothing can be sent from here
}

async function readRefusal(error, sent) {
  const { status, problem } = error;
  const final = status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (!final) {
    notice = inDoubt(error.why);
    return renderCart();
  }
  saveCart({ ...loadCart(), sent: null });
  if (problem.code === "price_changed") {
    accepted = problem.total;
    const text = `It is ${show(problem.total)} now, not ${show(sent.total)}. Nothing has been ordered yet.`;
    notice = { title: "The total has changed.", text };
  } else if (problem.code === "sold_out" || problem.code === "unknown_size") {
    for (const { pointer, detail } of problem.errors ?? []) {
      const line = sent.lines[/^\/lines\/(\d+)/.exec(pointer ?? "")?.[1]];
      if (line) faults.set(line.size, detail);
    }
    accepted = null;
    notice = {
      title: "Not everything can be baked.",
      text: "Nothing has been ordered. Change the marked line, then order again.",
    };
    if (!faults.size) notice.text = error.why;
  } else {
    saveCart({ ...cart, order: makeId() }); // refused for good: the next try is another order
    notice = { title: "The order was refused.", text: error.why };
  }
  renderCart();
  await Promise.all([priceCart(), search()]);
}

function inDoubt(why) {
  const text = `${why} Your order may have reached us or not. Send it again: it cannot be placed twice.`;
  return { title: "We have no answer yet.", text };
}

function renderCart() {
  const { lines, count, total } = sumUp();
  const focus = document.activeElement?.dataset?.key;
  const locked = sending || Boolean(cart.sent);
  if (cart.sent && !sending) notice ??= inDoubt("The last try was not answered.");
  $("basket").hidden = !count;
  $("basket-count").textContent = count;
  $("lines").replaceChildren(...lines.map(([id, quantity]) => renderLine(id, quantity, locked)));
  $("cart-empty").replaceChildren(...(lines.length ? [] : renderEmpty()));
  $("checkout").hidden = !lines.length;
  $("total").textContent = Number.isNaN(total) ? "…" : show(cart.sent?.total ?? total);
  renderNotice();
  const place = $("place");
  place.textContent = sending ? "Placing your order…" : labelPlace(total);
  place.setAttribute("aria-disabled", String(sending || (!cart.sent && Number.isNaN(total))));
  if (focus) refocus(focus);
  markChosen();
}

function labelPlace(total) {
  if (cart.sent) return "Send it again";
  if (accepted !== null) return `Accept ${show(total)} and order`;
  return Number.isNaN(total) ? "Place order" : `Place order · ${show(total)}`;
}

function renderNotice() {
  const box = $("notice");
  const text = notice ? `${notice.title} ${notice.text}` : "";
  if (box.dataset.text === text) return; // said once is enough
  box.dataset.text = text;
  box.replaceChildren();
  if (!notice) return;
  box.append(el("p", { class: "note" }, el("b", {}, notice.title), ` ${notice.text}`));
  const { retry } = notice;
  if (retry) box.append(button("plain", "Try again", () => ((notice = null), retry())));
}

function renderLine(id, quantity, locked) {
  const size = known.get(id);
  const name = size?.name ?? "…";
  const fault = faults.get(id);
  const step = (change, sign, text) =>
    el(
      "button",
      {
        type: "button",
        class: "step",
        "data-key": `${id}${sign}`,
        "aria-label": `${text} ${describe(id)}`,
        "aria-disabled": String(locked),
        click: () => locked || setQuantity(id, change),
      },
      el("span", { "aria-hidden": "true" }, sign),
    );
  return el(
    "li",
    { class: fault ? "line fault" : "line" },
    el(
      "div",
      { class: "what" },
      el("b", {}, name),
      el("span", {}, size ? `${SIZES[size.size]} · ${show(size.price)}` : "…"),
    ),
    el(
      "div",
      { class: "steps" },
      step(-1, "−", quantity > 1 ? "One less" : "Remove"),
      el("span", { class: "n" }, String(quantity), el("span", { class: "vh" }, " times")),
      step(1, "+", "One more"),
    ),
    el("span", { class: "sum" }, size ? show(size.price * quantity) : ""),
    fault ? el("p", { class: "why" }, fault) : null,
  );
}

function renderEmpty() {
  const { last } = cart;
  const lines = [el("p", {}, "Nothing here yet. Choose a size to add a pizza.")];
  if (last && signedIn())
    lines.push(el("p", {}, "Your last order: ", el("a", { href: `/orders/${last.id}` }, last.number)));
  return lines;
}

function refocus(key) {
  const same = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  (same ?? $("cart-title")).focus({ preventScroll: Boolean(same) });
}

// The menu.

let asking = null; // the running request, aborted by the next one
let next = null; // the cursor of "show more"
let failed = false;

function askedFor() {
  const words = $("q").value.match(/[\p{L}\p{N}]+/gu) ?? [];
  const q = words.filter((word) => [...word].length > 1).join(" "); // one letter finds nothing
  return { q, category: new FormData($("find")).get("category") ?? "" };
}

async function search(after = null) {
  asking?.abort();
  const mine = (asking = new AbortController());
  const { q, category } = askedFor();
  const filter = category && `category == "${category}"`;
  const parts = { q, filter, expand: "sizes", sort: "name", limit: 50, after };
  const query = Object.entries(parts).filter(([, value]) => value);
  const list = $("pizzas");
  list.setAttribute("aria-busy", "true");
  if (!list.children.length)
    list.replaceChildren(
      ...Array.from({ length: 6 }, () => el("li", { class: "card wait", "aria-hidden": "true" })),
    );
  if (!$("count").textContent) $("count").textContent = "Reading the menu…";
  keepUrl();
  try {
    const url = `/api/pizzas?${query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
    const page = await ask(url, {}, mine.signal);
    if (asking === mine) renderMenu(page, Boolean(after));
  } catch (error) {
    if (asking === mine) renderFailure(error);
  }
}

function keepUrl() {
  const query = new URLSearchParams();
  if ($("q").value.trim()) query.set("q", $("q").value.trim());
  if (askedFor().category) query.set("category", askedFor().category);
  history.replaceState(history.state, "", `/${query.size ? `?${query}` : ""}${location.hash}`);
}

function renderMenu(page, more) {
  const list = $("pizzas");
  const cards = page.items.map(renderPizza);
  const focused = document.activeElement?.dataset?.size; // somebody quick is in the list already
  failed = false;
  next = page.next;
  list.removeAttribute("aria-busy");
  if (more) list.append(...cards);
  else list.replaceChildren(...cards);
  if (more) cards[0]?.querySelector("button:enabled")?.focus();
  else if (focused) list.querySelector(`[data-size="${focused}"]`)?.focus({ preventScroll: true });
  $("more").hidden = !next;
  const found = list.children.length;
  $("count").textContent = found
    ? `${found}${next ? " or more" : ""} ${found === 1 ? "pizza" : "pizzas"}`
    : "No pizza found";
  $("trouble").replaceChildren(...(found ? [] : [renderNone()]));
  renderCart();
}

function renderNone() {
  const clear = () => {
    $("find").reset();
    $("q").value = "";
    search();
    $("q").focus();
  };
  return el(
    "div",
    { class: "state" },
    el("p", {}, "Nothing on the menu matches. Try fewer letters or another category."),
    button("plain", "Show the whole menu", clear),
  );
}

function renderFailure(error) {
  failed = true;
  $("pizzas").replaceChildren();
  $("pizzas").removeAttribute("aria-busy");
  $("more").hidden = true;
  $("count").textContent = "";
  const retry = button("main", "Try again", () => search());
  $("trouble").replaceChildren(
    el(
      "div",
      { class: "state", role: "alert" },
      el("b", {}, "The menu could not be read."),
      el("p", {}, error.why),
      retry,
    ),
  );
}

function renderPizza(pizza) {
  const rank = (size) => Object.keys(SIZES).indexOf(size.size);
  const sizes = [...pizza.sizes.items].sort((a, b) => rank(a) - rank(b));
  sizes.forEach((size) => learn(pizza, size));
  return el(
    "li",
    { class: "card" },
    draw(pizza),
    el("h2", {}, pizza.name),
    el("p", { class: "kind" }, pizza.category),
    el(
      "div",
      { class: "sizes", role: "group", "aria-label": `${pizza.name}, sizes` },
      ...sizes.map((size) => renderSize(pizza, size)),
    ),
  );
}

function renderSize(pizza, size) {
  const { stock } = known.get(size.id);
  const price = stock < 1 ? "sold out" : show(size.price);
  const few = stock > 0 && stock <= 5 ? `${stock} left` : null;
  const seen = [size.size, price, few].filter(Boolean).join(" ");
  const name = `${stock < 1 ? "" : "Add "}${pizza.name}, size ${seen}`;
  return el(
    "button",
    {
      type: "button",
      class: "size",
      disabled: stock < 1,
      "data-size": size.id,
      "aria-label": name,
      click: () => setQuantity(size.id, 1),
    },
    el("b", {}, size.size),
    " ",
    el("span", {}, price),
    few && " ",
    few && el("small", {}, few),
  );
}

/** Show on the menu how many of each size are in the cart. */
function markChosen() {
  for (const button of document.querySelectorAll("[data-size]")) {
    const quantity = cart.lines[button.dataset.size];
    if (quantity) button.dataset.chosen = quantity;
    else delete button.dataset.chosen;
  }
}

// A drawing for each pizza: toppings by its words, laid out by its code. Decoration only.

const dot = (r, fill, stroke) => shape("circle", { r, fill, stroke });
const path = (d, fill, stroke) => shape("path", { d, fill, stroke });
const TOPPINGS = {
  slice: () => [dot(6, "#b93a2b"), dot(4, "#cf5240")],
  tomato: () => [dot(5, "#d94b33"), dot(3, "#ef7d5c")],
  white: () => [dot(4.5, "#fffaf0")],
  olive: () => [dot(3, "none", "#3d3540")],
  leaf: () => [path("M-6 0Q0-5 6 0Q0 5-6 0Z", "#4c7a3d")],
  chicken: () => [path("M-4-3H3Q7 0 4 3H-3Q-7 1-4-3Z", "#f7e6c4", "#d3a466")],
  ham: () => [path("M-5-4H4L5 4H-4Z", "#e8948a", "#e8948a")],
  pineapple: () => [path("M-5 4L0-5L5 4Q0 7-5 4Z", "#ffc53a", "#e0a01f")],
  pepper: () => [path("M-5 2A5.5 5.5 0 0 1 5 2", "none", "#5c9a4a")],
  onion: () => [path("M-5 2A5.5 5.5 0 0 1 5 2", "none", "#9b4f86")],
  mushroom: () => [path("M-6 0A6 5 0 0 1 6 0H2V5H-2V0Z", "#e9d7bd", "#b3936c")],
};
const WORDS = [
  [/hawaiian/i, "ham pineapple"],
  [/pepperoni, m/i, "slice mushroom pepper"],
  [/pepperoni|soppressata/i, "slice"],
  [/cheese|brie/i, "white white leaf"],
  [/greek|mediterr/i, "olive white tomato"],
  [/spinach|garden|pesto/i, "leaf leaf white"],
  [/vegeta|mexicana/i, "pepper tomato onion"],
  [/chicken/i, "chicken pepper chicken onion"],
];
const KINDS = {
  classic: "slice mushroom leaf",
  supreme: "slice olive slice pepper",
  veggie: "leaf tomato pepper olive",
};

function draw({ code, name, category }) {
  const kinds = (WORDS.find(([word]) => word.test(name))?.[1] ?? KINDS[category] ?? "white").split(" ");
  const seed = [...code].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 997, 7);
  const toppings = Array.from({ length: 13 }, (_, n) => {
    const [angle, far] = [n * 2.4 + seed, 34 * Math.sqrt((n + 0.4) / 13)];
    const [x, y] = [50 + far * Math.cos(angle), 50 + far * Math.sin(angle)].map(Math.round);
    const transform = `translate(${x} ${y}) rotate(${(seed * (n + 3) * 17) % 360}) scale(1.2)`;
    return shape("g", { transform }, ...TOPPINGS[kinds[n % kinds.length]]());
  });
  const base = [
    [49, "#c98743"],
    [47, "#e0a65e"],
    [42, "#c64f33"],
    [40, "#f6d27a"],
  ];
  const discs = base.map(([r, fill]) => shape("circle", { cx: 50, cy: 50, r, fill }));
  return shape("svg", { class: "art", viewBox: "0 0 100 100", "aria-hidden": "true" }, ...discs, ...toppings);
}

// Wiring.

function openShop() {
  const asked = new URLSearchParams(location.search);
  $("shop").hidden = false;
  $("q").value = asked.get("q") ?? "";
  for (const radio of document.querySelectorAll("[name=category]"))
    radio.checked = radio.value === (asked.get("category") ?? "");
  let timer = 0;
  $("q").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, LIMITS.debounce);
  });
  $("find").addEventListener("change", (event) => event.target.name === "category" && search());
  $("find").addEventListener("submit", (event) => (event.preventDefault(), clearTimeout(timer), search()));
  $("more").addEventListener("click", () => search(next));
  $("checkout").addEventListener("submit", (event) => (event.preventDefault(), placeOrder()));
  $("basket").addEventListener("click", () => $("cart-title").focus());
  addEventListener("online", () => failed && (search(), reread()));
  addEventListener("storage", (event) => event.key === KEY && reread());
  addEventListener("pageshow", (event) => event.persisted && ((sending = false), reread()));
  renderCart();
  search();
  priceCart();
}

/** Another tab or an earlier visit has changed the cart. */
function reread() {
  cart = loadCart();
  [accepted, notice, faults] = [null, null, new Map()];
  renderCart();
  priceCart();
}

const [, orders, order] = /^\/(orders)(?:\/([^/]+))?\/?$/.exec(location.pathname) ?? [];
openAccount();
if (order) showOrder(decodeURIComponent(order));
else if (orders) showOrders();
else openShop();
