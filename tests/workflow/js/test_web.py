from __future__ import annotations

from typing import Any

import pytest

from tests.workflow.js.hosts import run

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("url", "base", "href"),
    [
        ("https://Example.COM", None, "https://example.com/"),
        ("https://example.com:443/a/./b/../c?q=1#h", None, "https://example.com/a/c?q=1#h"),
        ("http://user:p%40ss@h:8080/x y?a b#c d", None, "http://user:p%40ss@h:8080/x%20y?a%20b#c%20d"),
        ("//other/x", "https://example.com/a/b", "https://other/x"),
        ("../x", "https://example.com/a/b/c", "https://example.com/a/x"),
        ("?q=2", "https://example.com/a/b?x=1#y", "https://example.com/a/b?q=2"),
        ("#frag", "https://example.com/a?x=1", "https://example.com/a?x=1#frag"),
        ("", "https://example.com/a?x=1#y", "https://example.com/a?x=1"),
        ("/root", "https://example.com:8443/a", "https://example.com:8443/root"),
        ("https:\\\\example.com\\a", None, "https://example.com/a"),
        ("https://[::1]:80/", None, "https://[::1]:80/"),
        ("mailto:a@b.c", None, "mailto:a@b.c"),
        ("file:///etc/x", None, "file:///etc/x"),
        ("https://example.com/é😀", None, "https://example.com/%C3%A9%F0%9F%98%80"),
        (" https://example.com/a\n ", None, "https://example.com/a"),
        ("http://example.com/../../x", None, "http://example.com/x"),
    ],
)
async def test_urls_are_read_as_browsers_read_them(url: str, base: str | None, href: str) -> None:
    source = f"return new URL({url!r}{'' if base is None else ', ' + repr(base)}).href"
    assert await run(source) == href


async def test_what_is_no_url() -> None:
    bad = ["x", "", "http://", "http://a b/", "https://h:99999/", "http://h:x/", "//h", "http://300.1.1.1/"]
    source = (
        f"return {bad}.map((u) => "
        "{ try { return new URL(u).href } catch (e) { return e.name + e.message } })"
    )
    assert await run(source) == ["TypeErrorInvalid URL"] * len(bad)
    assert await run("return [URL.canParse('x'), URL.canParse('a', 'http://b'), URL.parse('x')]") == [
        False,
        True,
        None,
    ]


async def test_parts_of_a_url_and_its_parameters() -> None:
    source = (
        "const u = new URL('https://u:p@www.example.com:8080/a/b?x=1&x=2#h')\n"
        "const before = [u.protocol, u.host, u.hostname, u.port, u.origin, u.pathname, u.search, u.hash, u.username]\n"
        "u.searchParams.append('y', 'a b&c'); u.searchParams.delete('x', '1'); u.hash = ''; u.pathname = 'c d'\n"
        "const mid = String(u); u.search = '?z=%20+'\n"
        "return [before, mid, u.searchParams.get('z'), JSON.stringify({ u })]"
    )
    assert await run(source) == [
        [
            "https:",
            "www.example.com:8080",
            "www.example.com",
            "8080",
            "https://www.example.com:8080",
            "/a/b",
            "?x=1&x=2",
            "#h",
            "u",
        ],
        "https://u:p@www.example.com:8080/c%20d?x=2&y=a+b%26c",
        "  ",
        '{"u":"https://u:p@www.example.com:8080/c%20d?z=%20+"}',
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (
            "[...new URLSearchParams('?a=1&b=%C3%A9&a=+2&c')]",
            [["a", "1"], ["b", "é"], ["a", " 2"], ["c", ""]],
        ),
        ("String(new URLSearchParams({ q: 'x y', r: '*-._~' }))", "q=x+y&r=*-._%7E"),
        ("String(new URLSearchParams([['b', 1], ['a', 2]]))", "b=1&a=2"),
        (
            "(() => { const p = new URLSearchParams('b=1&a=2&b=3'); p.sort(); p.set('b', 9); return String(p) })()",
            "a=2&b=9",
        ),
        ("Object.fromEntries(new URLSearchParams('a=1').entries())", {"a": "1"}),
        ("new URLSearchParams('a=1&b').size", 2),
        ("[...new TextEncoder().encode('é😀')]", [0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0x80]),
        (
            "new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff, 0xf0, 0x9f, 0x98, 0x80]))",
            "a\ufffd😀",
        ),
        (
            "new TextDecoder().decode(new Uint8Array([0xed, 0xa0, 0x80, 0xc0, 0x80, 0xe2, 0x82]))",
            "\ufffd" * 6,
        ),
        ("btoa('hi') + atob('aGk=')", "aGk=hi"),
        (
            "structuredClone({ a: [1, { b: null }], d: new Date(0) })",
            {"a": [1, {"b": None}], "d": "1970-01-01T00:00:00.000Z"},
        ),
        ("[...structuredClone(new Map([[{ k: 1 }, new Set([2])]])).values()].map((s) => [...s])", [[2]]),
        (
            "(() => { const a = {}; a.self = a; const c = structuredClone(a); return c.self === c && c !== a })()",
            True,
        ),
        ("(() => { try { structuredClone({ f() {} }) } catch (e) { return e.name } })()", "DataCloneError"),
        ("new Promise((done) => queueMicrotask(() => done('later')))", "later"),
    ],
)
async def test_the_names_that_scripts_use(expression: str, expected: Any) -> None:
    assert await run(f"return await ({expression})") == expected
