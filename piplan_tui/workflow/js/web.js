// Names of the web platform that scripts use and the engine does not have. Evaluates to a function: given the function
// that url.js evaluates to, it gives an object of them.
(function (makeUrl) {
  "use strict";
  // --- UTF-8 ----------------------------------------------------------------------------------------------------
  function utf8(text) {
    const bytes = [];
    for (const char of String(text).toWellFormed()) {
      const code = char.codePointAt(0);
      if (code < 0x80) bytes.push(code);
      else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
      else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      else {
        bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      }
    }
    return bytes;
  }

  function fromUtf8(bytes, strict) {
    let text = "";
    const bad = (at) => {
      if (strict) throw new TypeError("the bytes are not UTF-8 (at " + at + ")");
      text += "\ufffd";
    };
    for (let at = 0; at < bytes.length; ) {
      const lead = bytes[at];
      if (lead < 0x80) {
        text += String.fromCharCode(lead);
        at += 1;
        continue;
      }
      const more = lead >= 0xc2 && lead < 0xe0 ? 1 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xf0 && lead < 0xf5 ? 3 : 0;
      let code = more === 1 ? lead & 31 : more === 2 ? lead & 15 : lead & 7;
      let taken = 1;
      while (taken <= more && (bytes[at + taken] & 0xc0) === 0x80) {
        const second = bytes[at + 1];
        // longer forms than needed, surrogates, and beyond U+10FFFF
        if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second > 0x9f)) break;
        if ((lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second > 0x8f)) break;
        code = (code << 6) | (bytes[at + taken] & 63);
        taken += 1;
      }
      if (more === 0 || taken <= more) bad(at);
      else text += String.fromCodePoint(code);
      at += taken;
    }
    return text;
  }

  class TextEncoder {
    get encoding() {
      return "utf-8";
    }
    encode(text = "") {
      return Uint8Array.from(utf8(text));
    }
  }

  class TextDecoder {
    #strict;
    #keepMark;
    constructor(label = "utf-8", options = {}) {
      if (!/^\s*(utf-?8|unicode-1-1-utf-8)\s*$/i.test(label)) {
        throw new RangeError("TextDecoder knows only utf-8 here, not " + label);
      }
      this.#strict = Boolean(options.fatal);
      this.#keepMark = Boolean(options.ignoreBOM);
    }
    get encoding() {
      return "utf-8";
    }
    decode(input = new Uint8Array()) {
      const view = ArrayBuffer.isView(input)
        ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
        : new Uint8Array(input);
      const text = fromUtf8(view, this.#strict);
      return !this.#keepMark && text.startsWith("\ufeff") ? text.slice(1) : text;
    }
  }

  // --- structuredClone ----------------------------------------------------------------------------------------------
  const uncloneable = (what) => new DOMException(what + " could not be cloned.", "DataCloneError");

  function structuredClone(value, options) {
    if (options?.transfer?.length) throw uncloneable("A transferred object");
    const done = new Map();
    const clone = (from) => {
      if (typeof from === "function" || typeof from === "symbol") throw uncloneable(String(from));
      if (from === null || typeof from !== "object") return from;
      if (done.has(from)) return done.get(from);
      const keep = (made) => {
        done.set(from, made);
        return made;
      };
      if (from instanceof Date) return keep(new Date(from.getTime()));
      if (from instanceof RegExp) return keep(new RegExp(from.source, from.flags));
      if (from instanceof Boolean || from instanceof Number || from instanceof String) return keep(Object(from.valueOf()));
      if (from instanceof ArrayBuffer) return keep(from.slice(0));
      if (ArrayBuffer.isView(from)) {
        const buffer = clone(from.buffer);
        const length = from instanceof DataView ? from.byteLength : from.length;
        return keep(new from.constructor(buffer, from.byteOffset, length));
      }
      if (from instanceof Map) {
        const made = keep(new Map());
        for (const [key, item] of [...from]) made.set(clone(key), clone(item));
        return made;
      }
      if (from instanceof Set) {
        const made = keep(new Set());
        for (const item of [...from]) made.add(clone(item));
        return made;
      }
      if (from instanceof Error) {
        const known = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
        const Kind = known.find((kind) => from.name === kind.name) ?? Error;
        const made = keep(new Kind(from.message));
        if ("cause" in from) Object.defineProperty(made, "cause", { value: clone(from.cause), configurable: true, writable: true });
        return made;
      }
      if (from instanceof Promise || from instanceof WeakMap || from instanceof WeakSet) {
        throw uncloneable("#<" + from.constructor.name + ">");
      }
      const made = keep(Array.isArray(from) ? new Array(from.length) : {});
      for (const key of Object.keys(from)) {
        Object.defineProperty(made, key, { value: clone(from[key]), writable: true, enumerable: true, configurable: true });
      }
      return made;
    };
    return clone(value);
  }

  return { ...makeUrl(utf8, fromUtf8), TextEncoder, TextDecoder, structuredClone };
})
