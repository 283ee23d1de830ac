//! A journal into a broker: frames are carried out again, in their order.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::super::broker::Broker;
use super::DiskError;
use super::frame::{BEGIN, FORM, Next, begin, form, next, was_synced};

/// Bytes asked of the file at once.
const CHUNK: usize = 1 << 20;

/// Carries out what a journal holds; how many bytes of it are whole. Nothing is written.
pub(super) fn read(file: &mut File, path: &Path, broker: &mut Broker) -> Result<u64, DiskError> {
    let unreadable = |source| DiskError::Folder { path: path.to_owned(), source };
    let damaged = |offset, detail: &str| DiskError::Damaged {
        file: path.to_owned(),
        offset,
        detail: detail.to_owned(),
    };
    let end = file.metadata().map_err(unreadable)?.len();
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut from = BufReader::with_capacity(CHUNK, &mut *file);
    if !begins(&mut from, end, path)? {
        return Ok(0);
    }
    let mut at = BEGIN as u64;
    let why = loop {
        match next(&mut from, at, end).map_err(unreadable)? {
            Next::End => return Ok(at),
            Next::Broken(why) => break why,
            Next::Frame(changes, behind) => {
                for change in changes {
                    broker.carry_out(change).map_err(|detail| damaged(at, &detail))?;
                }
                at = behind;
            }
        }
    };
    let rest = rest(file, at).map_err(unreadable)?;
    if was_synced(at, &rest) { Err(damaged(at, why)) } else { Ok(at) }
}

/// Whether the file begins as a journal; one that ends within its beginning holds nothing.
fn begins(from: &mut impl io::Read, end: u64, path: &Path) -> Result<bool, DiskError> {
    let unreadable = |source| DiskError::Folder { path: path.to_owned(), source };
    let mut bytes = [0; BEGIN];
    let there = usize::try_from(end).unwrap_or(BEGIN).min(BEGIN);
    from.read_exact(&mut bytes[..there]).map_err(unreadable)?;
    if there < BEGIN && bytes[..there] == begin(FORM)[..there] {
        return Ok(false);
    }
    match form(&bytes) {
        Some(form) if form > FORM => {
            Err(DiskError::Newer { file: path.to_owned(), form, known: FORM })
        }
        Some(_) => Ok(true),
        None => Err(DiskError::Damaged {
            file: path.to_owned(),
            offset: 0,
            detail: "it does not begin as a journal".to_owned(),
        }),
    }
}

/// What a file holds from a place on.
fn rest(file: &mut File, at: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    Ok(rest)
}
