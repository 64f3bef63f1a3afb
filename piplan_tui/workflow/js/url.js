// URL and URLSearchParams, near enough to the standard for http(s) addresses. Evaluates to a function of the two
// directions of UTF-8: (text => bytes, (bytes, strict) => text).
(function (utf8, fromUtf8) {
  "use strict";
  const PORTS = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443", "ftp:": "21", "file:": "" };
  const special = (protocol) => Object.hasOwn(PORTS, protocol);

  const percent = (text, keep) =>
    Array.from(String(text).toWellFormed(), (char) =>
      keep.test(char) ? char : utf8(char).map((byte) => "%" + byte.toString(16).toUpperCase().padStart(2, "0")).join("")
    ).join("");

  function unpercent(text) {
    const bytes = [];
    const all = utf8(text);
    for (let at = 0; at < all.length; at += 1) {
      const hex = String.fromCharCode(all[at + 1] ?? 0, all[at + 2] ?? 0);
      if (all[at] === 37 && /^[0-9a-f]{2}$/i.test(hex)) {
        bytes.push(parseInt(hex, 16));
        at += 2;
      } else bytes.push(all[at]);
    }
    return fromUtf8(bytes, false);
  }

  // --- URLSearchParams ----------------------------------------------------------------------------------------------
  const formEncoded = (text) => percent(text, /^[A-Za-z0-9*\-._ ]$/).replaceAll(" ", "+");
  const formDecoded = (text) => unpercent(text.replaceAll("+", " "));

  class URLSearchParams {
    #pairs = [];
    #changed = () => {};
    constructor(init = "") {
      if (init !== null && typeof init === "object") {
        const pairs = typeof init[Symbol.iterator] === "function" ? init : Object.entries(init);
        for (const pair of pairs) {
          const [name, value, ...rest] = pair;
          if (value === undefined || rest.length) throw new TypeError("URLSearchParams needs pairs of name and value");
          this.#pairs.push([String(name), String(value)]);
        }
      } else {
        this.#read(String(init));
      }
    }
    #read(text) {
      this.#pairs = text
        .replace(/^\?/, "")
        .split("&")
        .filter((part) => part !== "")
        .map((part) => {
          const at = part.indexOf("=");
          return at < 0 ? [formDecoded(part), ""] : [formDecoded(part.slice(0, at)), formDecoded(part.slice(at + 1))];
        });
    }
    static of(query, changed) {
      const params = new URLSearchParams(query);
      params.#changed = changed;
      return params;
    }
    static refill(params, query) {
      params.#read(query);
    }
    get size() {
      return this.#pairs.length;
    }
    append(name, value) {
      this.#pairs.push([String(name), String(value)]);
      this.#changed();
    }
    delete(name, value) {
      this.#pairs = this.#pairs.filter(([n, v]) => n !== String(name) || (value !== undefined && v !== String(value)));
      this.#changed();
    }
    get(name) {
      return this.#pairs.find(([n]) => n === String(name))?.[1] ?? null;
    }
    getAll(name) {
      return this.#pairs.filter(([n]) => n === String(name)).map(([, v]) => v);
    }
    has(name, value) {
      return this.#pairs.some(([n, v]) => n === String(name) && (value === undefined || v === String(value)));
    }
    set(name, value) {
      const at = this.#pairs.findIndex(([n]) => n === String(name));
      if (at < 0) this.#pairs.push([String(name), String(value)]);
      else {
        this.#pairs[at][1] = String(value);
        this.#pairs = this.#pairs.filter(([n], index) => index <= at || n !== String(name));
      }
      this.#changed();
    }
    sort() {
      this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#changed();
    }
    forEach(callback, self) {
      for (const [name, value] of this.#pairs) callback.call(self, value, name, this);
    }
    *entries() {
      for (const [name, value] of this.#pairs) yield [name, value];
    }
    *keys() {
      for (const [name] of this.#pairs) yield name;
    }
    *values() {
      for (const [, value] of this.#pairs) yield value;
    }
    [Symbol.iterator]() {
      return this.entries();
    }
    toString() {
      return this.#pairs.map(([name, value]) => formEncoded(name) + "=" + formEncoded(value)).join("&");
    }
  }
  const paramsOf = URLSearchParams.of;
  const refill = URLSearchParams.refill;
  delete URLSearchParams.of;
  delete URLSearchParams.refill;

  // --- URL --------------------------------------------------------------------------------------------------------
  const PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@\/%|\[\]\\^]$/;
  const QUERY = /^[A-Za-z0-9\-._~!$&()*+,;=:@\/?%|\[\]\\^`{}]$/;
  const FRAGMENT = /^[A-Za-z0-9\-._~!$&'()*+,;=:@\/?%#|\[\]\\^{}]$/;
  const USER = /^[A-Za-z0-9\-._~!$&'()*+,%]$/;

  function withoutDots(path) {
    const out = [];
    const parts = path.split("/");
    parts.forEach((part, index) => {
      const last = index === parts.length - 1;
      if (/^(\.|%2e)$/i.test(part)) {
        if (last) out.push("");
      } else if (/^(\.|%2e){2}$/i.test(part)) {
        if (out.length > 1) out.pop();
        if (last) out.push("");
      } else out.push(part);
    });
    return out.join("/");
  }

  function hostOf(text, isSpecial) {
    if (/^\[[0-9a-f:.]+\]$/i.test(text)) return text.toLowerCase();
    const host = isSpecial ? unpercent(text).toLowerCase() : text;
    if (/[\s#%/:<>?@[\\\]^|\0]/.test(host) || (isSpecial && host === "")) return null;
    if (isSpecial && /^\d+(\.\d+){3}$/.test(host) && host.split(".").some((part) => Number(part) > 255)) return null;
    return host;
  }

  function parse(input, base) {
    const text = String(input).trim().replace(/[\t\n\r]/g, "");
    const [, beforeHash, hash = ""] = /^([^#]*)(#.*)?$/s.exec(text);
    const scheme = /^([A-Za-z][A-Za-z0-9+.\-]*:)(.*)$/s.exec(beforeHash);
    const url = { protocol: "", username: "", password: "", hostname: "", port: "", pathname: "", search: "", opaque: false };
    url.hash = hash.length > 1 ? "#" + percent(hash.slice(1), FRAGMENT) : "";
    let rest = beforeHash;
    if (scheme) {
      url.protocol = scheme[1].toLowerCase();
      rest = scheme[2];
    } else if (base) {
      url.protocol = base.protocol;
    } else return null;
    const isSpecial = special(url.protocol);
    const queryAt = rest.indexOf("?");
    const query = queryAt < 0 ? null : rest.slice(queryAt + 1);
    let path = queryAt < 0 ? rest : rest.slice(0, queryAt);
    if (isSpecial) path = path.replaceAll("\\", "/");
    url.search = query ? "?" + percent(query, QUERY) : "";
    if (scheme && isSpecial && url.protocol !== "file:") path = "//" + path.replace(/^\/*/, "");
    if (path.startsWith("//")) {
      const [, authority, after] = /^\/\/([^/]*)(.*)$/s.exec(path);
      const at = authority.lastIndexOf("@");
      if (at >= 0) {
        const [, user, , password = ""] = /^([^:]*)(:(.*))?$/s.exec(authority.slice(0, at));
        url.username = percent(user, USER);
        url.password = percent(password, USER);
      }
      const [, name, , port = ""] = /^(\[[^\]]*\]|[^:]*)(:(.*))?$/s.exec(authority.slice(at + 1)) ?? [];
      if (name === undefined || !/^\d*$/.test(port) || Number(port) > 65535) return null;
      const host = url.protocol === "file:" && name === "" ? "" : hostOf(name, isSpecial);
      if (host === null) return null;
      url.hostname = host;
      url.port = port === "" || String(Number(port)) === PORTS[url.protocol] ? "" : String(Number(port));
      path = after;
    } else if (!scheme) {
      if (base.opaque) {
        if (text !== "" && !text.startsWith("#")) return null;
        return { ...base, hash: url.hash };
      }
      Object.assign(url, { username: base.username, password: base.password, hostname: base.hostname, port: base.port });
      if (path === "") {
        path = base.pathname;
        if (query === null) url.search = base.search;
      } else if (!path.startsWith("/")) path = base.pathname.replace(/[^/]*$/, "") + path;
    } else if (!isSpecial && !path.startsWith("/")) {
      url.opaque = true;
      url.pathname = path;
      return url;
    }
    if (isSpecial && !path.startsWith("/")) path = "/" + path;
    url.pathname = percent(withoutDots(path), PATH);
    return url;
  }

  class URL {
    #parts;
    #params;
    constructor(input, base) {
      const from = base === undefined ? undefined : parse(base);
      const parts = from === null ? null : parse(input, from);
      if (parts === null) {
        const error = new TypeError("Invalid URL");
        error.code = "ERR_INVALID_URL";
        error.input = String(input);
        throw error;
      }
      this.#parts = parts;
      this.#params = paramsOf(parts.search, () => {
        const text = this.#params.toString();
        this.#parts.search = text ? "?" + text : "";
      });
    }
    static canParse(input, base) {
      return URL.parse(input, base) !== null;
    }
    static parse(input, base) {
      try {
        return new URL(input, base);
      } catch {
        return null;
      }
    }
    #change(changes) {
      this.#parts = { ...this.#parts, ...changes };
    }
    get protocol() {
      return this.#parts.protocol;
    }
    get username() {
      return this.#parts.username;
    }
    get password() {
      return this.#parts.password;
    }
    get hostname() {
      return this.#parts.hostname;
    }
    set hostname(value) {
      const host = hostOf(String(value), special(this.protocol));
      if (host !== null) this.#change({ hostname: host });
    }
    get port() {
      return this.#parts.port;
    }
    set port(value) {
      const port = /^\d*/.exec(String(value))[0];
      if (Number(port) <= 65535) this.#change({ port: port === PORTS[this.protocol] ? "" : port });
    }
    get host() {
      return this.hostname + (this.port ? ":" + this.port : "");
    }
    get origin() {
      return special(this.protocol) && this.protocol !== "file:" ? this.protocol + "//" + this.host : "null";
    }
    get pathname() {
      return this.#parts.pathname;
    }
    set pathname(value) {
      if (!this.#parts.opaque) {
        this.#change({ pathname: percent(withoutDots("/" + String(value).replace(/^\//, "")), PATH).replaceAll("?", "%3F") });
      }
    }
    get search() {
      return this.#parts.search;
    }
    set search(value) {
      const query = String(value).replace(/^\?/, "");
      this.#change({ search: query ? "?" + percent(query, QUERY) : "" });
      refill(this.#params, this.search);
    }
    get searchParams() {
      return this.#params;
    }
    get hash() {
      return this.#parts.hash;
    }
    set hash(value) {
      const text = String(value).replace(/^#/, "");
      this.#change({ hash: text ? "#" + percent(text, FRAGMENT) : "" });
    }
    get href() {
      const { protocol, username, password, hostname, pathname, search, hash } = this.#parts;
      const user = username || password ? username + (password ? ":" + password : "") + "@" : "";
      const authority = hostname || special(protocol) ? "//" + user + this.host : "";
      return protocol + authority + pathname + search + hash;
    }
    toString() {
      return this.href;
    }
    toJSON() {
      return this.href;
    }
  }

  return { URL, URLSearchParams };
})
