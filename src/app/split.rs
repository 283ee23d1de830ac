//! Bytes of a file into records: JSON Lines, one document, or an array.
//!
//! What enters is a stream; what leaves is one slice per top-level value, without parsing it:
//! only depth and strings are followed. **Invariant:** any bytes end in records. What is not
//! JSON becomes a record of its own line, to be refused, and never swallows the lines after it
//! where that can be told: no JSON text has a line feed inside a string, and none begins an
//! object where a key or a comma belongs.

mod front;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::ops::{Deref, Range};

use fearless_simd::{Level, dispatch};
use memchr::{memchr, memchr3};

use front::Front;

/// Bytes asked of the reader at once.
const CHUNK: usize = 256 << 10;

/// Nesting beyond which a value is refused anyway and taken as a line.
const DEPTH: usize = 512;

/// Cuts a stream into records.
pub struct Splitter<R> {
    reader: R,
    buffer: Buffer,
    /// Bytes of the stream up to the buffer's end.
    read: u64,
    /// Where the unread bytes begin.
    start: usize,
    ended: bool,
    mode: Mode,
    limit: usize,
    /// The widest lanes that this processor has.
    lanes: Level,
}

/// Where a splitter stands in its stream: all that is needed to go on from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Bytes of the stream before it.
    pub bytes: u64,
    /// Whether it is inside the one array that is the file.
    pub in_array: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nothing was read yet.
    Begin,
    /// Values one after another.
    Values,
    /// Inside the one array that is the file.
    Array,
}

/// Bytes that were read; the place behind them is used again and again, so that it stays close to
/// the processor.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    held: usize,
}

impl Buffer {
    /// Room behind the bytes for at least [`CHUNK`] more.
    fn room(&mut self) -> &mut [u8] {
        if self.bytes.len() - self.held < CHUNK {
            self.bytes.resize(self.held + 2 * CHUNK, 0);
        }
        &mut self.bytes[self.held..]
    }

    /// Takes bytes out; those behind close up.
    fn cut(&mut self, range: Range<usize>) {
        self.bytes.copy_within(range.end..self.held, range.start);
        self.held -= range.len();
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.held]
    }
}

/// How far a value was followed.
struct Scan {
    at: usize,
    stack: Vec<u8>,
    in_string: bool,
}

/// Where a look at the bytes ended.
enum Seen {
    /// The value ends before this place.
    End(usize),
    /// It is not JSON: its line ends it.
    Garbage,
    /// More bytes are needed.
    More,
}

impl<R: Read> Splitter<R> {
    /// A splitter of `reader`. Of a value longer than `limit` bytes the first `limit + 1` are
    /// handed out, so that it is refused for its size; the rest is passed over.
    pub fn new(reader: R, limit: usize) -> Self {
        let (read, start, ended, mode) = (0, 0, false, Mode::Begin);
        let (buffer, lanes) = (Buffer::default(), Level::new());
        Self { reader, buffer, read, start, ended, mode, limit, lanes }
    }

    /// A splitter that goes on where another one stood: `reader` gives what follows that place.
    pub fn resume(reader: R, limit: usize, from: Place) -> Self {
        let mode = match from {
            Place { bytes: 0, .. } => Mode::Begin,
            Place { in_array: true, .. } => Mode::Array,
            Place { in_array: false, .. } => Mode::Values,
        };
        Self { read: from.bytes, mode, ..Self::new(reader, limit) }
    }

    /// Where it stands: behind the record that was handed out last.
    pub fn place(&self) -> Place {
        let unread = self.buffer.len() - self.start;
        Place { bytes: self.read - unread as u64, in_array: matches!(self.mode, Mode::Array) }
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When the reader fails; the bytes before were handed out.
    pub fn next_record(&mut self) -> io::Result<Option<&[u8]>> {
        if self.mode == Mode::Begin {
            self.begin()?;
        }
        let Some(first) = self.skip_between()? else {
            return Ok(None);
        };
        let end = match first {
            b'{' | b'[' | b'"' => match self.plain_line(first)? {
                Some(end) => end,
                None => self.value()?,
            },
            _ if self.mode == Mode::Array => self.scalar()?,
            _ => self.line()?,
        };
        let record = &self.buffer[self.start..end];
        self.start = end;
        let record = record.trim_ascii_end();
        Ok(Some(&record[..record.len().min(self.limit + 1)]))
    }

    /// Tells an array that is the whole file from lines that are arrays, as far as `limit`
    /// bytes tell: a longer array is taken for the whole file.
    fn begin(&mut self) -> io::Result<()> {
        self.mode = Mode::Values;
        while self.buffer.len() < 3 && self.fill()? {}
        if self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.start = 3;
        }
        if self.skip_between()? != Some(b'[') {
            return Ok(());
        }
        let array_at = self.start;
        let mut scan = Scan { at: array_at, stack: Vec::new(), in_string: false };
        let whole = loop {
            match self.look(&mut scan, array_at) {
                Seen::End(end) => {
                    self.start = end;
                    break self.skip_between()?.is_none();
                }
                Seen::Garbage => break false,
                Seen::More if scan.at - array_at > self.limit => break true,
                Seen::More if !self.fill()? => break true,
                Seen::More => {}
            }
        };
        self.start = array_at;
        if whole {
            self.mode = Mode::Array;
            self.start += 1;
        }
        Ok(())
    }

    /// Appends a chunk; false at the end. Never moves bytes.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let read = loop {
            match self.reader.read(self.buffer.room()) {
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        };
        self.buffer.held += read;
        self.read += read as u64;
        self.ended = read == 0;
        Ok(read > 0)
    }

    /// Drops the bytes that were handed out, when they are worth it.
    fn compact(&mut self) {
        if self.start >= self.buffer.len() / 2 {
            self.buffer.cut(0..self.start);
            self.start = 0;
        }
    }

    /// Passes over what may stand between values, and tells the first byte after it.
    fn skip_between(&mut self) -> io::Result<Option<u8>> {
        loop {
            while let Some(byte) = self.buffer.get(self.start) {
                match byte {
                    b' ' | b'\t' | b'\r' | b'\n' => self.start += 1,
                    b',' if self.mode == Mode::Array => self.start += 1,
                    b']' if self.mode == Mode::Array => {
                        self.mode = Mode::Values;
                        self.start += 1;
                    }
                    byte => return Ok(Some(*byte)),
                }
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// The end of a line that is seen to be one record without following it, which is what
    /// nearly every line of JSON Lines is: an object, and the next line begins another one.
    ///
    /// A closing bracket cannot be followed by an object inside JSON, and a text cannot hold a
    /// line feed. So the value ends on this line or is cut short there, and either way the line
    /// is the record; but for a line of several values, which has a `}` that nothing of an
    /// object follows.
    fn plain_line(&mut self, first: u8) -> io::Result<Option<usize>> {
        if first != b'{' || self.mode != Mode::Values {
            return Ok(None);
        }
        let mut front = Front::default();
        loop {
            let (lanes, bytes) = (self.lanes, &self.buffer[self.start..]);
            if dispatch!(lanes, simd => front.go_on(simd, bytes)) {
                break;
            }
            if bytes.len() > self.limit {
                return Ok(None);
            }
            self.compact();
            if !self.fill()? {
                return Ok(None);
            }
        }
        let rest = &self.buffer[self.start..];
        let (line, behind) = rest.split_at(front.at);
        let next = behind.get(1) == Some(&b'{');
        let last = line.trim_ascii_end().len() - 1;
        let whole = line[last] == b'}' && front.odd.is_none_or(|odd| odd == last);
        let plain = next && whole && line.len() <= self.limit;
        Ok(plain.then_some(self.start + line.len()))
    }

    /// The end of the value that begins at `start`.
    fn value(&mut self) -> io::Result<usize> {
        self.compact();
        let mut scan = Scan { at: self.start, stack: Vec::new(), in_string: false };
        loop {
            match self.look(&mut scan, self.start) {
                Seen::End(end) => return if self.is_torn(end)? { self.line() } else { Ok(end) },
                Seen::Garbage => return self.line(),
                Seen::More => {}
            }
            if scan.at - self.start > self.limit {
                self.shed(&mut scan);
            }
            if !self.fill()? {
                return Ok(self.buffer.len());
            }
        }
    }

    /// Whether what follows the object that ends at `end` on its one line belongs to an object
    /// around it that is not there: then the line is one record, to be refused as a whole.
    fn is_torn(&mut self, end: usize) -> io::Result<bool> {
        let object = self.mode == Mode::Values && self.buffer.get(self.start) == Some(&b'{');
        if !object || (end == self.buffer.len() && !self.fill()?) {
            return Ok(false);
        }
        let follows = matches!(self.buffer.get(end), Some(b',' | b'}' | b']'));
        Ok(follows && memchr(b'\n', &self.buffer[self.start..end]).is_none())
    }

    /// Forgets bytes of a value that is too large beyond those that show it to be so.
    fn shed(&mut self, scan: &mut Scan) {
        let keep = self.start + self.limit + 1;
        // One byte before the scan's place stays, for the look back over a line feed.
        let until = scan.at.saturating_sub(1);
        if until > keep {
            self.buffer.cut(keep..until);
            scan.at -= until - keep;
        }
    }

    /// The end of the line that begins at `start`, for what is not JSON.
    fn line(&mut self) -> io::Result<usize> {
        self.compact();
        let mut at = self.start;
        loop {
            if let Some(offset) = memchr(b'\n', &self.buffer[at..]) {
                return Ok(at + offset);
            }
            at = self.buffer.len();
            if at - self.start > self.limit + 1 {
                self.buffer.held = self.start + self.limit + 1;
                at = self.buffer.len();
            }
            if !self.fill()? {
                return Ok(self.buffer.len());
            }
        }
    }

    /// The end of a number or word inside the array.
    fn scalar(&mut self) -> io::Result<usize> {
        self.compact();
        let mut at = self.start;
        loop {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'\n');
            if let Some(offset) = self.buffer[at..].iter().position(ends) {
                return Ok(at + offset);
            }
            at = self.buffer.len();
            if !self.fill()? {
                return Ok(at);
            }
        }
    }

    /// Follows the value that begins at `from` as far as the bytes go.
    fn look(&self, scan: &mut Scan, from: usize) -> Seen {
        loop {
            if scan.in_string {
                match self.string(scan) {
                    Seen::End(after) => scan.at = after,
                    other => return other,
                }
                scan.in_string = false;
                if scan.stack.is_empty() {
                    return Seen::End(scan.at);
                }
            }
            let Some(offset) = self.buffer[scan.at..].iter().position(|byte| TELLS[*byte as usize])
            else {
                scan.at = self.buffer.len();
                return Seen::More;
            };
            let at = scan.at + offset;
            match self.buffer[at] {
                b'"' => scan.in_string = true,
                b'\n' => match self.line_feed(scan, from, at) {
                    Seen::End(_) => {}
                    other => {
                        scan.at = at;
                        return other;
                    }
                },
                open @ (b'{' | b'[') => {
                    if scan.stack.len() == DEPTH {
                        return Seen::Garbage;
                    }
                    scan.stack.push(open + 2);
                }
                close => {
                    if scan.stack.pop() != Some(close) {
                        return Seen::Garbage;
                    }
                    if scan.stack.is_empty() {
                        return Seen::End(at + 1);
                    }
                }
            }
            scan.at = at + 1;
        }
    }

    /// Follows a string from inside it; the end is the place after its quote.
    fn string(&self, scan: &mut Scan) -> Seen {
        loop {
            let Some(offset) = memchr3(b'"', b'\\', b'\n', &self.buffer[scan.at..]) else {
                scan.at = self.buffer.len();
                return Seen::More;
            };
            let at = scan.at + offset;
            match self.buffer[at] {
                b'"' => return Seen::End(at + 1),
                b'\n' => return Seen::Garbage,
                _ if at + 1 >= self.buffer.len() => {
                    scan.at = at;
                    return Seen::More;
                }
                // An escaped line feed is none either.
                _ if self.buffer[at + 1] == b'\n' => return Seen::Garbage,
                _ => scan.at = at + 2,
            }
        }
    }

    /// Whether the value can go on after the line feed at `at`: an object that begins the next
    /// line where none may begin shows that the lines before were cut short.
    fn line_feed(&self, scan: &Scan, from: usize, at: usize) -> Seen {
        let Some(next) = self.buffer.get(at + 1) else {
            return if self.ended { Seen::End(at) } else { Seen::More };
        };
        if *next != b'{' {
            return Seen::End(at);
        }
        let before = self.buffer[from..at].trim_ascii_end().last();
        let may_begin = match scan.stack.last() {
            Some(b'}') => before == Some(&b':'),
            _ => matches!(before, Some(b'[' | b',')),
        };
        if may_begin { Seen::End(at) } else { Seen::Garbage }
    }
}

/// The bytes outside strings that say something.
const TELLS: [bool; 256] = {
    let mut table = [false; 256];
    let tells = b"{}[]\"\n";
    let mut index = 0;
    while index < tells.len() {
        table[tells[index] as usize] = true;
        index += 1;
    }
    table
};
