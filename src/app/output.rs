//! Where results and remarks go: stdout and stderr, files, colours or none.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use anyhow::Context as _;

use crate::alert::text::Paint;
use crate::cli::Color;

/// How this run writes.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    results: Paint,
    remarks: Paint,
}

/// A writer of results, of bytes or lines.
pub type Results = Box<dyn Write + Send>;

impl Output {
    /// Decides on colours: asked for, or a terminal without `NO_COLOR`.
    #[must_use]
    pub fn new(color: Color) -> Self {
        let wanted = |terminal: bool| match color {
            Color::Always => Paint::Colour,
            Color::Auto if terminal && !crate::config::no_color() => Paint::Colour,
            Color::Auto | Color::Never => Paint::Plain,
        };
        Self {
            results: wanted(io::stdout().is_terminal()),
            remarks: wanted(io::stderr().is_terminal()),
        }
    }

    /// Whether results are painted: never into a file.
    #[must_use]
    pub fn paint(self, to: &Path) -> Paint {
        if is_stdout(to) { self.results } else { Paint::Plain }
    }

    /// Whether stderr is painted.
    #[must_use]
    pub fn colours_errors(self) -> bool {
        self.remarks == Paint::Colour
    }

    /// Tells what went wrong. A stderr that is gone is nobody's loss.
    pub fn error(self, text: &str) {
        let (on, off) =
            if self.colours_errors() { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        let _ = writeln!(io::stderr().lock(), "{on}error:{off} {text}");
    }

    /// Tells what should be known.
    pub fn note(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "note: {text}");
    }

    /// Writes a block to stderr as it is.
    pub fn remark(self, block: &str) {
        let _ = io::stderr().lock().write_all(block.as_bytes());
    }
}

/// Whether the path means stdout.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens a file for results, or stdout for `-`.
///
/// # Errors
/// When the file cannot be made.
pub fn results(path: &Path) -> anyhow::Result<Results> {
    if is_stdout(path) {
        return Ok(Box::new(BufWriter::with_capacity(64 << 10, io::stdout())));
    }
    let file =
        File::create(path).with_context(|| format!("`{}` cannot be written", path.display()))?;
    Ok(Box::new(BufWriter::with_capacity(64 << 10, file)))
}
