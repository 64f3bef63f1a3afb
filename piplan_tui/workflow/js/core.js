// The primitives of a workflow script. Evaluates to a function (web, shutWorld, settings) => control, where `control` is the
// only door between the script and the program: requests leave through an outbox, answers come in by `settle`.
// Nothing of the program is reachable from here; whatever crosses is JSON text.
(function (web, shutWorld, settings) {
  "use strict";
  const { firstLine, maxMessage, askFirst, args: argsText } = JSON.parse(settings);
  const NativePromise = Promise;
  const nativeThen = Promise.prototype.then;
  const apply = Reflect.apply;
  const stringify = JSON.stringify;

  // --- where in the script's structure the running code is ----------------------------------------------------
  // A path holds only what does not depend on the order in which things finish, so that it is the same in every
  // run: item and stage numbers, but no count of the parallel() and pipeline() calls that came before.
  let here = "";

  function within(path, work) {
    const before = here;
    here = path;
    try {
      return work();
    } finally {
      here = before;
    }
  }

  function keepingPlace(callback) {
    if (typeof callback !== "function") return callback;
    const path = here;
    return (value) => within(path, () => callback(value));
  }

  const below = (part) => (here === "" ? part : here + "/" + part);

  // --- errors ---------------------------------------------------------------------------------------------------
  const fatal = new WeakSet(); // errors that parallel() and pipeline() pass on instead of giving null
  const places = new WeakMap(); // where the call was made that an error answers

  function mistake(message, at) {
    const error = new TypeError(message);
    fatal.add(error);
    if (at) places.set(error, at);
    return error;
  }

  function isFatal(error) {
    if (error === null) return true; // what the engine throws when there is no memory left for an error
    if (typeof error !== "object") return false;
    return (
      fatal.has(error) ||
      error instanceof ReferenceError ||
      error instanceof InternalError ||
      (error instanceof RangeError && error.message === "Maximum call stack size exceeded")
    );
  }

  function userPlace(stack) {
    for (const found of String(stack).matchAll(/<input>:(\d+):(\d+)/g)) {
      if (Number(found[1]) >= firstLine) return found[1] + ":" + found[2];
    }
    return "";
  }

  const callPlace = () => userPlace(new Error().stack);

  function attempt(read, otherwise) {
    try {
      return read();
    } catch {
      return otherwise;
    }
  }

  function describe(error) {
    if (error !== null && typeof error === "object") {
      // a mistake in a call of ours is a sentence of its own: the error's kind would only be in its way
      const name = fatal.has(error) ? "" : attempt(() => String(error.name ?? ""), "");
      const message = attempt(() => String(error.message ?? ""), "");
      const at = places.get(error) || attempt(() => userPlace(error.stack ?? ""), "");
      if (name || message) return { name, message: message.slice(0, 2000), at };
    }
    return { name: "thrown", message: attempt(() => shown(error), "something that cannot be shown").slice(0, 2000), at: "" };
  }

  const said = (error) => {
    const { name, message } = describe(error);
    if (name === "thrown") return message;
    return name && message ? name + ": " + message : name || message;
  };

  function shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof Error) return String(value);
    if (typeof value === "function") return "[function " + (value.name || "anonymous") + "]";
    if (value !== null && typeof value === "object") {
      return attempt(() => stringify(value, (_, part) => (typeof part === "bigint" ? part + "n" : part)), "[object]");
    }
    return String(value);
  }

  // --- crossing the border ----------------------------------------------------------------------------------------
  const MAX_DEPTH = 200; // what every reader of JSON takes; the engine's own search for cycles is slow beyond it

  function encode(value, what) {
    let text;
    const depths = new Map();
    try {
      text = stringify(value, function (key, part) {
        const kind = typeof part;
        if (kind === "object" && part !== null) {
          const depth = (depths.get(this) ?? 0) + 1;
          if (depth > MAX_DEPTH) throw mistake(what + " is nested too deeply: at most " + MAX_DEPTH + " levels");
          depths.set(part, depth);
        }
        if (kind === "function" || kind === "symbol" || kind === "bigint") {
          const at = key === "" ? what : what + ", at " + stringify(key) + ",";
          throw mistake(at + " has a " + kind + ", which is no JSON: only plain data can leave the script");
        }
        if (part instanceof Error) return { name: part.name, message: part.message };
        if (part instanceof NativePromise) {
          throw mistake(what + " has a promise in it: await it first");
        }
        return part;
      });
    } catch (error) {
      if (error instanceof TypeError && /circular/.test(error.message)) {
        throw mistake(what + " refers to itself: only plain data without cycles can leave the script");
      }
      throw error;
    }
    if (text === undefined) text = "null";
    if (text.length > maxMessage) {
      throw mistake(what + " is too large: " + text.length + " characters, at most " + maxMessage);
    }
    return text;
  }

  const outbox = [];
  const waiting = new Map();
  let lastId = 0;

  const post = (message) => outbox.push('{"m":' + stringify(message) + "}");

  function request(message, what) {
    const at = message.at;
    return new NativePromise((resolve, reject) => {
      const text = encode(message, what);
      const id = ++lastId;
      waiting.set(id, { resolve, reject, at });
      outbox.push('{"id":' + id + ',"m":' + text + "}");
    });
  }

  // --- the primitives -------------------------------------------------------------------------------------------
  let phaseNow = null;

  function agent(prompt, options) {
    const at = callPlace();
    if (typeof prompt !== "string") {
      return NativePromise.reject(mistake("agent() needs a prompt, which is a string, not " + typeName(prompt), at));
    }
    if (options !== undefined && options !== null && (typeof options !== "object" || Array.isArray(options))) {
      return NativePromise.reject(mistake("the options of agent() are an object, not " + typeName(options), at));
    }
    return new NativePromise((resolve) => {
      const sent = { ...options, path: here };
      sent.phase ??= phaseNow ?? undefined;
      resolve(request({ t: "agent", prompt, options: sent, at }, "agent()"));
    });
  }

  function workflow(reference, input) {
    const at = callPlace();
    const name = typeof reference === "object" && reference !== null ? reference.scriptPath : reference;
    if (typeof name !== "string" || name === "") {
      return NativePromise.reject(mistake("workflow() needs the name of a workflow, not " + typeName(reference), at));
    }
    return request({ t: "workflow", name, args: input, at }, "the arguments of workflow()");
  }

  function phase(title) {
    if (typeof title !== "string" || title.trim() === "") {
      throw mistake("phase() needs a title, which is a string, not " + typeName(title), callPlace());
    }
    phaseNow = title;
    post({ t: "phase", title });
  }

  function log(...parts) {
    post({ t: "log", message: parts.map(shown).join(" ").slice(0, maxMessage) });
  }

  function typeName(value) {
    if (value === null) return "null";
    if (Array.isArray(value)) return "an array";
    if (value instanceof NativePromise) return "a promise (await it first)";
    if (value === undefined) return "nothing";
    return /^[aeiou]/.test(typeof value) ? "an " + typeof value : "a " + typeof value;
  }

  function listOf(value, what, at) {
    if (Array.isArray(value)) return Array.from(value);
    if (value !== null && typeof value === "object" && typeof value[Symbol.iterator] === "function") {
      return Array.from(value);
    }
    throw mistake(what + ", not " + typeName(value), at);
  }

  // Gives each item's result, in the order of the items; null for one that failed. Rejects at the first fatal error.
  function gather(count, start, told) {
    return new NativePromise((resolve, reject) => {
      const results = new Array(count).fill(null);
      let left = count;
      const oneLess = () => {
        left -= 1;
        if (left === 0) resolve(results);
      };
      if (count === 0) resolve(results);
      for (let index = 0; index < count; index += 1) {
        apply(nativeThen, start(index), [
          (value) => {
            results[index] = value;
            oneLess();
          },
          (error) => {
            if (isFatal(error)) return reject(error);
            const { at } = describe(error);
            post({ t: "swallowed", message: told(index) + ": " + said(error), at });
            oneLess();
          },
        ]);
      }
    });
  }

  // So many items that starting them costs something: ask first whether there may be so many.
  async function afterAsking(count, callsEach, what, at, go) {
    if (count * callsEach >= askFirst) {
      const path = here;
      await request({ t: "items", count, callsEach, path, at }, what);
      return within(path, go);
    }
    return go();
  }

  async function started(path, work) {
    return within(path, work);
  }

  function parallel(thunks, ...more) {
    const at = callPlace();
    return new NativePromise((resolve) => {
      const list = listOf(more.length ? 0 : thunks, "parallel() needs one array of functions", at);
      for (let index = 0; index < list.length; index += 1) {
        if (typeof list[index] !== "function") {
          throw mistake(
            "parallel() needs functions that start the work, such as () => agent(…), but item " +
              index + " is " + typeName(list[index]), at);
        }
      }
      resolve(
        afterAsking(list.length, 1, "parallel()", at, () =>
          gather(
            list.length,
            (index) => started(below("parallel/item:" + index), () => list[index]()),
            (index) => "parallel() item " + index + " failed and gives null"
          )
        )
      );
    });
  }

  function pipeline(items, ...stages) {
    const at = callPlace();
    return new NativePromise((resolve) => {
      const list = listOf(items, "pipeline() needs an array of items before its stages", at);
      stages.forEach((stage, number) => {
        if (typeof stage !== "function") {
          throw mistake("pipeline() needs functions as stages, but stage " + number + " is " + typeName(stage), at);
        }
      });
      const silent = new Set();
      async function flow(base, index) {
        let value = list[index];
        for (let number = 0; number < stages.length; number += 1) {
          const given = value;
          value = await within(base + "/item:" + index + "/stage:" + number, () =>
            stages[number](given, list[index], index)
          );
          if (value === undefined && number < stages.length - 1 && !silent.has(number)) {
            silent.add(number);
            post({ t: "swallowed", message: "pipeline() stage " + number + " returned nothing for item " + index +
              ", so that the next stage gets undefined: is a `return` missing?", at });
          }
        }
        return value;
      }
      resolve(
        afterAsking(list.length, stages.length, "pipeline()", at, () => {
          const base = below("pipeline");
          return gather(list.length, (index) => flow(base, index),
            (index) => "pipeline() item " + index + " failed and gives null");
        })
      );
    });
  }

  let total = null;
  let spent = 0;
  const budget = {
    get total() {
      return total;
    },
    spent: () => spent,
    remaining: () => (total === null ? Infinity : Math.max(0, total - spent)),
  };

  // --- timers: no time passes; one fires when nothing else in the script can go on ------------------------------
  let clock = 0;
  let lastTimer = 0;
  const timers = new Map();

  function setTimeout(callback, delay, ...passed) {
    if (typeof callback !== "function") {
      throw mistake("setTimeout() needs a function, not " + typeName(callback), callPlace());
    }
    const wait = Number(delay);
    lastTimer += 1;
    timers.set(lastTimer, { due: clock + (wait > 0 ? wait : 0), run: keepingPlace(() => callback(...passed)) });
    return lastTimer;
  }

  function clearTimeout(id) {
    timers.delete(id);
  }

  function fireTimer() {
    let next = null;
    for (const [id, timer] of timers) {
      if (next === null || timer.due < next.timer.due) next = { id, timer };
    }
    if (next === null) return false;
    timers.delete(next.id);
    clock = next.timer.due;
    try {
      next.timer.run();
    } catch (error) {
      post({ t: "failed", error: describe(error) });
    }
    return true;
  }

  // --- what the compiled script calls at its awaits and loose calls ----------------------------------------------
  const awaiting = new Map();
  let lastAwait = 0;
  let lastSite = null;
  const loose = new Map();

  const hooks = {
    here: () => here,
    wait(value, site) {
      const id = ++lastAwait;
      lastSite = site;
      awaiting.set(id, site);
      return apply(nativeThen, NativePromise.resolve(value), [
        (result) => {
          awaiting.delete(id);
          return { failed: false, result };
        },
        (result) => {
          awaiting.delete(id);
          return { failed: true, result };
        },
      ]);
    },
    resume(path, outcome) {
      here = path;
      if (outcome.failed) throw outcome.result;
      return outcome.result;
    },
    back(path, value) {
      here = path;
      return value;
    },
    loose(value, site) {
      if (value instanceof NativePromise) {
        const id = ++lastAwait;
        loose.set(id, site);
        apply(nativeThen, value, [
          () => loose.delete(id),
          (error) => {
            loose.delete(id);
            post({ t: "unhandled", site, error: describe(error) });
          },
        ]);
      }
      return value;
    },
  };

  // --- the world that a script sees --------------------------------------------------------------------------------
  const console = {};
  for (const name of ["log", "info", "warn", "error", "debug", "trace"]) console[name] = (...parts) => log(...parts);

  Promise.prototype.then = function then(resolved, rejected) {
    return apply(nativeThen, this, [keepingPlace(resolved), keepingPlace(rejected)]);
  };
  const nativeMicrotask = queueMicrotask;
  globalThis.queueMicrotask = (callback) => nativeMicrotask(keepingPlace(callback));

  const script = argsText === null ? undefined : JSON.parse(argsText);
  shutWorld({
    refuse: (message) => mistake(message, callPlace()),
    globals: { agent, parallel, pipeline, phase, log, workflow, budget, console, setTimeout, clearTimeout,
      clearInterval: clearTimeout, ...web },
    args: script,
    internals: [hooks],
  });

  // --- the door -----------------------------------------------------------------------------------------------------
  const finish = (value) => {
    try {
      outbox.push('{"m":{"t":"done","loose":' + stringify([...loose.values()]) +
        ',"value":' + encode(value, "what the script returns") + "}}");
    } catch (error) {
      post({ t: "failed", error: describe(error) });
    }
  };

  function settle(text) {
    const { id, error, value, budget: now } = JSON.parse(text);
    [total, spent] = now;
    const call = waiting.get(id);
    waiting.delete(id);
    if (call === undefined) return;
    if (error === undefined) call.resolve(value);
    else call.reject(mistake(error, call.at));
  }

  return Object.freeze({
    start(make) {
      const primitives = { agent, parallel, pipeline, phase, log, args: script, budget, workflow };
      apply(nativeThen, make(hooks)(primitives), [finish, (error) => post({ t: "failed", error: describe(error) })]);
    },
    settle,
    budget(text) {
      [total, spent] = JSON.parse(text);
    },
    fireTimer,
    // join, not +: long sums are ropes inside the engine, which its binding does not take
    drain: () => (outbox.length === 0 ? "" : ["[", outbox.splice(0, outbox.length).join(","), "]"].join("")),
    waitsAt: () => [...awaiting.values()].at(-1) ?? null,
    lastAwait: () => lastSite,
  });
})
