//! The report for machines: tests that were run enter, `JUnit` XML leaves.

use std::fmt::Write as _;

use super::Ran;

/// A `JUnit` report: one suite per detector or mapping.
pub(super) fn report(ran: &[Ran<'_>]) -> String {
    let failed = ran.iter().filter(|ran| ran.failure.is_some()).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"driftline\" tests=\"{}\" failures=\"{failed}\">\n",
        ran.len()
    );
    for group in ran.chunk_by(|left, right| left.subject() == right.subject()) {
        let failed = group.iter().filter(|ran| ran.failure.is_some()).count();
        let name = group.first().map_or("", Ran::subject);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\">",
            escaped(name),
            group.len()
        );
        for ran in group {
            let _ = write!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\"",
                escaped(name),
                escaped(&ran.case.name)
            );
            match &ran.failure {
                None => out.push_str("/>\n"),
                Some(failure) => {
                    let _ = writeln!(
                        out,
                        "><failure message=\"not as expected\">{}</failure></testcase>",
                        escaped(&failure.text)
                    );
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out + "</testsuites>\n"
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_for_machines_escapes_what_tests_are_named() {
        assert_eq!(escaped("a<b & \"c\"\u{7}"), "a&lt;b &amp; &quot;c&quot;\u{fffd}");
    }
}
