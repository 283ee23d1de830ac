//! Splitting, whatever the bytes and wherever the reader pauses.

use proptest::prelude::*;

use super::*;

/// Hands out a few bytes at a time, so that every place is a boundary once.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let take = self.1.min(self.0.len()).min(out.len());
        out[..take].copy_from_slice(&self.0[..take]);
        self.0 = &self.0[take..];
        Ok(take)
    }
}

fn split(text: &[u8], step: usize, limit: usize) -> Vec<String> {
    all(Splitter::new(Trickle(text, step), limit))
}

fn all(mut splitter: Splitter<impl Read>) -> Vec<String> {
    let mut records = Vec::new();
    while let Some(record) = splitter.next_record().expect("the reader does not fail") {
        records.push(String::from_utf8_lossy(record).into_owned());
    }
    records
}

#[test]
fn each_top_level_value_is_a_record() {
    for (text, expected) in [
        ("", &[][..]),
        (" \n\n", &[]),
        ("{\"a\":1}\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"]),
        ("{\"a\":1}\r\n\r\n{\"b\":2}", &["{\"a\":1}", "{\"b\":2}"]),
        ("{\"a\":1}{\"b\":2}", &["{\"a\":1}", "{\"b\":2}"]),
        (
            "{\n \"a\": {\n  \"b\": [\n   {}\n  ]\n }\n}\n",
            &["{\n \"a\": {\n  \"b\": [\n   {}\n  ]\n }\n}"],
        ),
        ("\u{feff}{}", &["{}"]),
        // One array is the file; several are lines.
        ("[{\"a\":1},{\"b\":[2]}]", &["{\"a\":1}", "{\"b\":[2]}"]),
        ("[\n{\"a\":1},\n{\"b\":2}\n]\n", &["{\"a\":1}", "{\"b\":2}"]),
        ("[1, \"x]\", null]", &["1", "\"x]\"", "null"]),
        ("[]", &[]),
        ("[{}]\n[{},{}]\n", &["[{}]", "[{},{}]"]),
        // Strings hide what looks like structure.
        ("{\"a\":\"}\\\"{\"}\n{}", &["{\"a\":\"}\\\"{\"}", "{}"]),
        ("{\"a\":\"\\\\\"}\n{}", &["{\"a\":\"\\\\\"}", "{}"]),
    ] {
        for step in [1, 2, 3, 1_000] {
            assert_eq!(split(text.as_bytes(), step, 1_000), expected, "{text:?} by {step}");
        }
    }
}

#[test]
fn what_is_not_json_is_a_record_of_its_line_and_swallows_nothing() {
    for (text, expected) in [
        ("garbage here\n{\"a\":1}", &["garbage here", "{\"a\":1}"][..]),
        ("{\"a\": \"cut\n{\"b\":1}", &["{\"a\": \"cut", "{\"b\":1}"]),
        ("{\"a\": 1\n{\"b\":1}\n{}", &["{\"a\": 1", "{\"b\":1}", "{}"]),
        ("{\"a\": {\"b\": 1},\n{\"b\":1}", &["{\"a\": {\"b\": 1},", "{\"b\":1}"]),
        ("{\"a\": [1}\n{\"b\":1}", &["{\"a\": [1}", "{\"b\":1}"]),
        ("}\n{}", &["}", "{}"]),
        ("[{\"a\":1},{\"b\"", &["{\"a\":1}", "{\"b\""]),
        ("{\"a\":", &["{\"a\":"]),
        ("{\"a\\\n{}", &["{\"a\\", "{}"]),
    ] {
        for step in [1, 2, 1_000] {
            assert_eq!(split(text.as_bytes(), step, 1_000), expected, "{text:?} by {step}");
        }
    }
}

#[test]
fn a_value_that_is_too_large_is_cut_and_the_next_one_stands() {
    let large = format!("{{\"a\":\"{}\"}}\n{{\"b\":1}}\n", "x".repeat(500));
    for step in [1, 7, 1_000] {
        let records = split(large.as_bytes(), step, 20);
        assert_eq!(records.len(), 2, "by {step}");
        assert_eq!(records[0].len(), 21);
        assert_eq!(records[1], "{\"b\":1}");
        let garbage = split(format!("{}\n{{}}", "x".repeat(500)).as_bytes(), step, 20);
        assert_eq!(garbage, ["x".repeat(21), "{}".to_owned()]);
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_records_that_hold_every_byte_but_blanks(
        text in proptest::collection::vec(
            proptest::sample::select(b"{}[]\":,\\\n a1".to_vec()), 0..60),
        step in 1_usize..9,
    ) {
        let whole = split(&text, 10_000, 10_000);
        prop_assert_eq!(&whole, &split(&text, step, 10_000), "chunks change nothing");
        let kept: usize = whole.iter().map(String::len).sum();
        prop_assert!(kept <= text.len());
    }

    #[test]
    fn from_any_record_on_it_goes_on_as_if_it_had_never_stopped(
        text in proptest::collection::vec(
            proptest::sample::select(b"{}[]\":,\\\n a1\xef".to_vec()), 0..80),
        array in any::<bool>(), mark in any::<bool>(), limit in 3_usize..40,
    ) {
        let inner = [text.as_slice(), b"]"].concat();
        let begin = if array { b"[".as_slice() } else { b"" };
        let mark: &[u8] = if mark { b"\xef\xbb\xbf" } else { b"" };
        let text = [mark, begin, inner.as_slice()].concat();
        let whole = split(&text, 10_000, limit);
        let mut splitter = Splitter::new(text.as_slice(), limit);
        let mut count = 0;
        loop {
            let from = splitter.place();
            let rest = &text[usize::try_from(from.bytes).expect("few")..];
            let records = all(Splitter::resume(rest, limit, from));
            prop_assert_eq!(&records, &whole[count..], "from {:?}", from);
            if splitter.next_record().expect("the reader does not fail").is_none() {
                break;
            }
            count += 1;
        }
    }

    #[test]
    fn lines_of_objects_are_those_lines(
        values in proptest::collection::vec(".{0,12}", 2..8), step in 1_usize..50,
    ) {
        let lines: Vec<String> =
            values.iter().map(|v| serde_json::json!({"k": [v, {"x": v}]}).to_string()).collect();
        let text = lines.join("\n");
        prop_assert_eq!(split(text.as_bytes(), step, 100_000), lines);
    }

    #[test]
    fn values_are_told_apart_wherever_they_stand_in_their_lines(
        lines in proptest::collection::vec(
            (
                proptest::collection::vec((0_usize..140, "[}{ ,\"]{0,3}"), 1..4),
                proptest::sample::select(&["", " ", "\t"][..]),
                proptest::sample::select(&["\n", " \n", "\r\n"][..]),
            ),
            1..6,
        ),
        step in 1_usize..300,
    ) {
        let (mut text, mut all) = (String::new(), Vec::new());
        for (values, between, end) in lines {
            let values: Vec<String> = values
                .iter()
                .map(|(length, text)| {
                    serde_json::json!({"k": "x".repeat(*length), "t": [{}, text]}).to_string()
                })
                .collect();
            text += &(values.join(between) + end);
            all.extend(values);
        }
        prop_assert_eq!(split(text.as_bytes(), step, 100_000), all);
    }
}
