/**
 * Moves time in the process that loads this before anything else: see clock.ts, which says where to listen for orders by the
 * query of this module's address. Date, performance.now, and the timers of Node's that take a callback or give a promise see the
 * same time. What the system times by itself, as TCP does, goes on as it was.
 */
import { syncBuiltinESMExports } from "node:module";
import { connect } from "node:net";
import timers from "node:timers";
import promises from "node:timers/promises";
import { promisify } from "node:util";
import { isMainThread } from "node:worker_threads";

const real = { Date, now: performance.now.bind(performance), setTimeout, clearTimeout };

/** How far Date has jumped, and how much time has passed besides the real one, in ms. */
let jumped = 0;
let passed = 0;

const wall = () => real.Date.now() + jumped + passed;
const now = () => real.now() + passed;

/** Those that are armed. */
const armed = new Set();
const byNumber = new Map();
let number = 0;

class Timer {
  #due = 0;
  #timeout;
  #refs = true;
  #number = ++number;

  constructor(act, ms, args, repeats) {
    this.act = () => act(...args);
    this.ms = ms >= 1 && ms < 2 ** 31 ? Math.trunc(ms) : 1;
    this.repeats = repeats;
    this.refresh();
  }

  get due() {
    return this.#due;
  }

  refresh() {
    this.#due = now() + this.ms;
    armed.add(this);
    this.arm();
    return this;
  }

  /** Waits for what is left until it is due. */
  arm() {
    real.clearTimeout(this.#timeout);
    this.#timeout = real.setTimeout(() => this.#fire(), this.#due - now());
    if (!this.#refs) this.#timeout.unref();
  }

  #fire() {
    armed.delete(this);
    if (this.repeats) this.refresh();
    else byNumber.delete(this.#number);
    this.act();
  }

  close() {
    this.repeats = false;
    real.clearTimeout(this.#timeout);
    armed.delete(this);
    byNumber.delete(this.#number);
    return this;
  }

  ref() {
    this.#refs = true;
    this.#timeout.ref();
    return this;
  }

  unref() {
    this.#refs = false;
    this.#timeout.unref();
    return this;
  }

  hasRef() {
    return this.#refs;
  }

  [Symbol.toPrimitive]() {
    byNumber.set(this.#number, this);
    return this.#number;
  }

  [Symbol.dispose]() {
    this.close();
  }
}

function setTimer(act, ms, ...args) {
  return new Timer(act, ms, args, false);
}

function setTicks(act, ms, ...args) {
  return new Timer(act, ms, args, true);
}

function clear(timer) {
  (timer instanceof Timer ? timer : byNumber.get(Number(timer)))?.close();
}

function delay(ms, value, { signal, ref = true } = {}) {
  return new Promise((resolve, reject) => {
    const cancelled = () => {
      timer.close();
      const cause = { cause: signal.reason };
      reject(Object.assign(new Error("The operation was aborted", cause), { name: "AbortError", code: "ABORT_ERR" }));
    };
    const timer = setTimer(() => {
      signal?.removeEventListener("abort", cancelled);
      resolve(value);
    }, ms);
    if (!ref) timer.unref();
    if (signal?.aborted) cancelled();
    else signal?.addEventListener("abort", cancelled, { once: true });
  });
}

/** All of it at once, as it is for a machine that has slept; then what has become due happens, in the order of when it was due. */
function pass(ms, done) {
  passed += ms;
  for (const timer of [...armed].sort((a, b) => a.due - b.due)) timer.arm();
  // Node keeps those of one length in their order, and all that are overdue have the shortest.
  real.setTimeout(done, 1);
}

function listen(path) {
  const orders = connect(path);
  orders.unref();
  orders.on("error", () => {}); // the test is over
  let text = "";
  orders.setEncoding("utf8").on("data", (piece) => {
    const lines = (text + piece).split("\n");
    text = lines.pop();
    for (const line of lines) {
      const order = JSON.parse(line);
      const done = () => orders.write(`${order.id}\n`);
      if (order.pass !== undefined) pass(order.pass, done);
      else {
        jumped += order.jump;
        done();
      }
    }
  });
}

if (isMainThread) {
  globalThis.Date = new Proxy(real.Date, {
    construct: (target, given, as) => Reflect.construct(target, given.length === 0 ? [wall()] : given, as),
    get: (target, name) => (name === "now" ? wall : Reflect.get(target, name)),
  });
  performance.now = now;
  setTimer[promisify.custom] = delay;
  const callbacks = { setTimeout: setTimer, setInterval: setTicks, clearTimeout: clear, clearInterval: clear };
  Object.assign(globalThis, callbacks);
  Object.assign(timers, callbacks);
  promises.setTimeout = delay;
  syncBuiltinESMExports();
  listen(decodeURIComponent(new URL(import.meta.url).search.slice(1)));
}
