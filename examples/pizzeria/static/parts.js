/* What the modules of the page share: elements, amounts, and asking the server.
 *
 * Texts from the server become text nodes, never markup.
 */

const WAIT = 10_000;
export const SIZES = { S: "Small", M: "Medium", L: "Large", XL: "Extra large", XXL: "Double extra large" };
const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
export const show = (cents) => money.format(cents / 100);
export const $ = (id) => document.getElementById(id);

// Elements. A string child is text; an attribute that is false or null is left out.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function shape(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

export const button = (kind, text, click) => el("button", { class: kind, type: "button", click }, text);

export const menuLink = (text) => el("a", { class: "plain", href: "/" }, text);

export function say(text) {
  $("say").textContent = text;
}

// Asking the server. Anything but 2xx is thrown as a Refusal; status 0 is "no answer".

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || "");
    this.status = status;
    this.problem = problem;
  }
  get why() {
    if (this.status) return this.message || "The kitchen could not answer.";
    return navigator.onLine ? "The kitchen does not answer." : "You seem to be offline.";
  }
}

export async function ask(url, options = {}, signal = null) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), WAIT);
  signal?.addEventListener("abort", () => stop.abort());
  try {
    const answer = await fetch(url, { ...options, signal: stop.signal });
    const body = answer.status === 204 ? null : await answer.json();
    if (!answer.ok) throw new Refusal(answer.status, body);
    return body;
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(0, {});
  } finally {
    clearTimeout(timer);
  }
}

export function send(method, url, body) {
  const sent = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return ask(url, { method, ...sent });
}
