// Takes the clock, chance and the making of code away from a script, puts the workflow's globals in, and freezes all of
// it. Evaluates to a function ({ refuse, globals, args, internals }); `refuse(message)` makes the error to be thrown.
(function (given) {
  "use strict";
  const { refuse: refusal, globals, args, internals } = given;
  const NativeDate = Date;
  const defineProperty = Object.defineProperty;
  const refuse = (what) =>
    function () {
      throw refusal(what);
    };
  const NOT_SAME = " gives another value in each run, so that a resumed run could not reuse finished calls: ";
  const noClock = NOT_SAME + "pass the time in args";
  const noChance = NOT_SAME + "vary by an index, or pass a seed in args";
  const noCode = "a workflow script cannot make code from text";

  function StableDate(...parts) {
    if (new.target === undefined) throw refusal("Date()" + noClock);
    if (parts.length === 0) throw refusal("new Date()" + noClock);
    return Reflect.construct(NativeDate, parts, new.target);
  }
  defineProperty(StableDate, "name", { value: "Date" });
  defineProperty(StableDate, "length", { value: 7 });
  StableDate.prototype = NativeDate.prototype;
  StableDate.UTC = NativeDate.UTC;
  StableDate.parse = NativeDate.parse;
  StableDate.now = refuse("Date.now()" + noClock);
  NativeDate.prototype.constructor = StableDate;
  globalThis.Date = StableDate;
  Math.random = refuse("Math.random()" + noChance);

  const NoFunction = refuse(noCode);
  NoFunction.prototype = Function.prototype;
  const makers = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (const made of makers) {
    defineProperty(Object.getPrototypeOf(made), "constructor", { value: NoFunction });
  }
  globalThis.Function = NoFunction;
  globalThis.eval = refuse(noCode);
  for (const name of ["performance", "Atomics", "SharedArrayBuffer", "WeakRef", "FinalizationRegistry"]) {
    delete globalThis[name];
  }

  const ours = {
    ...globals,
    args,
    setInterval: refuse("setInterval() is not there: no time passes inside a workflow script"),
    crypto: {
      randomUUID: refuse("crypto.randomUUID()" + noChance),
      getRandomValues: refuse("crypto.getRandomValues()" + noChance),
    },
    require: refuse("a workflow script cannot load other code: there is no require()"),
  };

  // A property of a frozen prototype may not be assigned on what inherits from it; scripts do just that with an
  // error's name or an object's toString, so these become accessors that define the inheritor's own property.
  function overridable(prototype) {
    for (const key of Reflect.ownKeys(prototype)) {
      const found = Reflect.getOwnPropertyDescriptor(prototype, key);
      if (!found.configurable || !("value" in found)) continue;
      defineProperty(prototype, key, {
        configurable: false,
        enumerable: found.enumerable,
        get: () => found.value,
        set(value) {
          if (this === prototype) throw refusal("built-in objects cannot be changed (" + String(key) + ")");
          defineProperty(this, key, { value, writable: true, enumerable: true, configurable: true });
        },
      });
    }
  }

  function freezeAll(roots) {
    const seen = new Set([globalThis]);
    const queue = [...roots];
    while (queue.length) {
      const value = queue.pop();
      if (value === null || (typeof value !== "object" && typeof value !== "function") || seen.has(value)) continue;
      seen.add(value);
      Object.freeze(value);
      queue.push(Object.getPrototypeOf(value));
      for (const key of Reflect.ownKeys(value)) {
        const found = Reflect.getOwnPropertyDescriptor(value, key);
        queue.push(found.value, found.get, found.set);
      }
    }
  }

  // accessors of the engine: frozen they would still take a value, and with it all that is said about places
  for (const name of ["prepareStackTrace", "stackTraceLimit"]) {
    defineProperty(Error, name, { get: undefined, set: undefined });
    defineProperty(Error, name, { value: Error[name], writable: false, configurable: false });
  }
  overridable(Object.prototype);
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (/Error$|Exception$/.test(name)) overridable(globalThis[name].prototype);
  }
  const { args: _, ...frozen } = ours; // args are the script's own copy
  freezeAll([
    ...Object.getOwnPropertyNames(globalThis).map((name) => globalThis[name]),
    ...Object.values(frozen),
    ...makers.map((made) => Object.getPrototypeOf(made)),
    ...[[].values(), new Map().values(), new Set().values(), "".matchAll(/a/g), ""[Symbol.iterator](),
      (function* () {})(), (async function* () {})(), [].values().map((x) => x), Iterator.from({ next() {} }),
    ].map((made) => Object.getPrototypeOf(made)),
    ...internals,
  ]);
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (name === "globalThis") continue;
    const found = Reflect.getOwnPropertyDescriptor(globalThis, name);
    if (found.configurable) defineProperty(globalThis, name, { writable: false, configurable: false });
  }
  for (const [name, value] of Object.entries(ours)) {
    defineProperty(globalThis, name, {
      configurable: false,
      enumerable: false,
      get: () => value,
      set() {
        throw refusal("`" + name + "` belongs to the workflow and cannot be changed: use another name");
      },
    });
  }
})
