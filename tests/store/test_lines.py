"""What is left of a file of events after a crash, and what is damage."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from piplan_tui.run.events import RuntimeEvent, UnknownEvent
from piplan_tui.store.lines import Reading, encode_lines
from piplan_tui.store.protocol import RunCorrupt

Event = Callable[..., RuntimeEvent]
PATH = Path("events.jsonl")


@pytest.fixture(scope="module")
def lines(log_event: Event) -> list[bytes]:
    """Six lines: 1 and 2 on disk before 3 and 4, those before 5 and 6."""
    data = b"".join(
        encode_lines([log_event(seq), log_event(seq + 1)], seq=seq - 1, batch=seq - 1) for seq in (1, 3, 5)
    )
    return data.splitlines(keepends=True)


def _scan(data: bytes, promised: int = 0) -> tuple[list[int], bytes]:
    reading = Reading(io.BytesIO(data), PATH, promised=promised)
    seqs = [event.seq for event in reading.events()]
    assert data[: reading.cursor.offset] + reading.torn == data
    return seqs, reading.torn


def test_a_line_is_json_with_checksum_batch_and_event(log_event: Event) -> None:
    (line,) = encode_lines([log_event(41, "a\u2028b\nc")], seq=40, batch=37).splitlines(keepends=True)
    document = json.loads(line)
    assert list(document) == ["crc", "batch", "event"]
    assert document["batch"] == 37
    assert document["event"]["message"] == "a\u2028b\nc"
    assert int(document["crc"], 16) == crc32(line[len('{"crc":"01234567",') : -1])


@pytest.mark.parametrize("seqs", [[2], [0], [1, 3], [1, 1]])
def test_events_that_do_not_continue_are_refused(seqs: list[int], log_event: Event) -> None:
    with pytest.raises(ValueError, match="is the next"):
        encode_lines([log_event(seq) for seq in seqs], seq=0, batch=0)


def test_an_unknown_event_must_say_its_number_in_its_document(log_event: Event) -> None:
    with pytest.raises(ValueError, match="is the next"):
        encode_lines([UnknownEvent(seq=1, raw={"type": "new", "seq": 2})], seq=0, batch=0)


def test_a_tail_cut_at_every_byte_of_the_last_two_records_is_cut_away(lines: list[bytes]) -> None:
    whole = b"".join(lines)
    start = len(b"".join(lines[:4]))
    for end in range(start, len(whole)):
        expected = [1, 2, 3, 4] + [5] * (end >= start + len(lines[4]))
        seqs, torn = _scan(whole[:end])
        assert seqs == expected
        assert torn == whole[start if len(expected) == 4 else start + len(lines[4]) : end]


def test_a_cut_inside_a_character_is_a_torn_tail(lines: list[bytes]) -> None:
    whole = b"".join(lines)
    inside = whole.rindex("€".encode()) + 1
    with pytest.raises(UnicodeDecodeError):
        whole[:inside].decode()
    assert _scan(whole[:inside])[0] == [1, 2, 3, 4, 5]


def test_every_flipped_byte_of_a_record_that_was_on_disk_is_found(lines: list[bytes]) -> None:
    before, after = b"".join(lines[:1]), b"".join(lines[2:])
    for position in range(len(lines[1])):
        for mask in (0x01, 0x20, 0xFF):
            bad = bytearray(lines[1])
            bad[position] ^= mask
            with pytest.raises(RunCorrupt, match=r"events\.jsonl:2: "):
                _scan(before + bytes(bad) + after)


def test_what_stands_before_damage_can_be_read(lines: list[bytes]) -> None:
    reading = Reading(io.BytesIO(b"".join([lines[0], b"x", *lines[1:]])), PATH)
    events, error = reading.read_some()
    assert [event.seq for event in events] == [1]
    assert "the 1 events before it can still be read" in str(error)


def test_a_damaged_line_end_before_the_only_line_that_vouches_is_found(lines: list[bytes]) -> None:
    joined = b"".join(lines[:4])[:-1] + b" " + lines[4]
    with pytest.raises(RunCorrupt, match=r":4: "):
        _scan(joined)


@pytest.mark.parametrize(
    "tail", [b"\0" * 4096, b"\0" * 100 + b"\n", b"\n", b"\n\n{}\n", b"garbage", b"\xff\xfe\n"]
)
def test_a_tail_of_anything_is_cut_away(lines: list[bytes], tail: bytes) -> None:
    assert _scan(b"".join(lines) + tail) == ([1, 2, 3, 4, 5, 6], tail)


def test_a_hole_in_the_last_batch_is_legal_and_ends_the_run_there(lines: list[bytes]) -> None:
    hole = b"\0" * len(lines[4])
    tail = hole + lines[5]
    assert _scan(b"".join(lines[:4]) + tail) == ([1, 2, 3, 4], tail)


def test_a_hole_that_a_later_batch_vouches_for_is_damage(lines: list[bytes]) -> None:
    hole = b"\0" * len(lines[3])
    with pytest.raises(RunCorrupt, match=r":4: the line does not match its checksum"):
        _scan(b"".join(lines[:3]) + hole + b"".join(lines[4:]))


def test_a_missing_number_is_damage(lines: list[bytes]) -> None:
    with pytest.raises(RunCorrupt, match=r":3: the line holds event 4 where 3 belongs"):
        _scan(b"".join(lines[:2] + lines[3:]))


def test_a_repeated_line_does_no_harm_wherever_it_is(lines: list[bytes]) -> None:
    doubled = b"".join([*lines[:2], lines[1], lines[1], *lines[2:], lines[5]])
    assert _scan(doubled) == ([1, 2, 3, 4, 5, 6], b"")
    with pytest.raises(RunCorrupt, match=r":5: "):
        _scan(doubled.replace(b"Zeile 3", b"Zeile 8"))


def test_another_event_of_the_same_number_is_damage(lines: list[bytes], log_event: Event) -> None:
    other = encode_lines([log_event(2, "other")], seq=1, batch=0)
    with pytest.raises(RunCorrupt, match=r":3: the line holds event 2 where 3 belongs"):
        _scan(b"".join([*lines[:2], other, *lines[2:]]))
    other = encode_lines([log_event(6, "other")], seq=5, batch=4)
    assert _scan(b"".join([*lines, other])) == ([1, 2, 3, 4, 5, 6], other)


def test_the_end_of_a_run_at_rest_is_vouched_for_from_outside(lines: list[bytes]) -> None:
    whole = b"".join(lines)
    assert _scan(whole, promised=6)[0] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(RunCorrupt, match=r":6: the line does not match its checksum"):
        _scan(whole[:-3] + b"}}\n"[::-1], promised=6)
    with pytest.raises(RunCorrupt, match=r":6: the file ends here"):
        _scan(b"".join(lines[:5]), promised=6)


def test_an_event_of_a_shape_from_the_future_is_named_as_such(lines: list[bytes]) -> None:
    event = lines[1][lines[1].index(b'"event":') + 8 : -2].replace(b'"message":"Zeile 2', b'"message":["')
    broken = event.split(b'"message":[')[0] + b'"message":[]}'
    rest = b'"batch":0,"event":%b}' % broken
    line = b'{"crc":"%08x",%b\n' % (crc32(rest), rest)
    with pytest.raises(RunCorrupt, match=r":2: the line holds an event of a shape that this version"):
        _scan(lines[0] + line + b"".join(lines[2:]))


def test_reading_in_portions_gives_the_same(lines: list[bytes]) -> None:
    reading = Reading(io.BytesIO(b"".join(lines) + b"torn"), PATH)
    portions = []
    while events := reading.events(1):
        portions.append([event.seq for event in events])
    assert portions == [[1], [2], [3], [4], [5], [6]]
    assert reading.torn == b"torn"


def test_what_was_half_written_while_reading_is_read_once_whole(lines: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines[0] + lines[1][:50])

    class Slow(io.BufferedReader):
        def seek(self, position: int, whence: int = 0, /) -> int:
            if position:  # the writer finishes between the first look and the second
                path.write_bytes(b"".join(lines))
            return super().seek(position, whence)

    with Slow(io.FileIO(path)) as file:
        reading = Reading(file, path)
        seqs = []
        while events := reading.events():
            seqs += [event.seq for event in events]
    assert seqs == [1, 2, 3, 4, 5, 6]
