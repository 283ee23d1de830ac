//! Paths into streams: folders in name order, compression unwrapped, bytes counted.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;

use crate::config::files;

/// How deep folders may nest.
const DEPTH: usize = 16;

/// One stream of records to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file; `None` is stdin.
    pub path: Option<PathBuf>,
    /// Its bytes on disk, where they can be told.
    pub bytes: Option<u64>,
}

impl Source {
    /// The name in outcomes and messages.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string())
    }

    /// Opens it, unwraps gzip and zstd (told by their first bytes), and counts what is read
    /// from it.
    ///
    /// # Errors
    /// When it cannot be opened, or its first bytes cannot be read.
    pub fn open(&self, progress: &ProgressBar) -> anyhow::Result<Box<dyn Read + Send>> {
        let raw: Box<dyn Read + Send> = match &self.path {
            None => Box::new(io::stdin()),
            Some(path) => Box::new(
                File::open(path).with_context(|| format!("`{}` cannot be read", path.display()))?,
            ),
        };
        unwrap(progress.wrap_read(raw)).with_context(|| format!("`{}` cannot be read", self.name()))
    }
}

/// Lists what the paths name: files as they are, folders recursively in name order.
///
/// # Errors
/// When any of it is missing or cannot be read.
pub fn sources(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            found.push(Source { path: None, bytes: None });
            continue;
        }
        files::walk(path, DEPTH, &mut |file: &Path| {
            let meta = std::fs::metadata(file).ok();
            let bytes = meta.filter(std::fs::Metadata::is_file).map(|meta| meta.len());
            found.push(Source { path: Some(file.to_owned()), bytes });
            Ok(())
        })?;
    }
    Ok(found)
}

/// A stream of several members, as both formats allow.
fn unwrap(mut raw: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(4);
    raw.by_ref().take(4).read_to_end(&mut magic)?;
    let compressed = magic.clone();
    let whole = BufReader::with_capacity(256 << 10, Cursor::new(magic).chain(raw));
    Ok(match compressed.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::with_buffer(whole)?),
        _ => Box::new(whole),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).expect("memory does not fail");
        encoder.finish().expect("memory does not fail")
    }

    #[test]
    fn compressed_streams_read_as_their_content() {
        let twice = [gzip(b"one\n"), gzip(b"two\n")].concat();
        let zstd = zstd::encode_all(&b"one\ntwo\n"[..], 1).expect("memory does not fail");
        for (name, bytes) in
            [("plain", b"one\ntwo\n".to_vec()), ("two members", twice), ("zstd", zstd)]
        {
            let mut text = String::new();
            let mut reader = unwrap(Cursor::new(bytes)).expect("it opens");
            reader.read_to_string(&mut text).expect("it reads");
            assert_eq!(text, "one\ntwo\n", "{name}");
        }
        let mut nothing = String::new();
        unwrap(io::empty()).expect("opens").read_to_string(&mut nothing).expect("reads");
        assert_eq!(nothing, "");
    }

    #[test]
    fn a_compressed_stream_that_is_cut_short_is_an_error() {
        let whole = gzip(b"one\n");
        let mut reader = unwrap(Cursor::new(whole[..whole.len() - 4].to_vec())).expect("opens");
        assert!(reader.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn folders_are_read_in_name_order_and_missing_paths_are_told() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["b.jsonl", "a.json.gz"] {
            std::fs::write(folder.path().join(name), name).expect("written");
        }
        let names: Vec<String> = sources(&[folder.path().to_owned(), "-".into()])
            .expect("it lists")
            .iter()
            .map(|source| source.name().rsplit('/').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(names, ["a.json.gz", "b.jsonl", "-"]);
        let missing = sources(&[folder.path().join("none")]).expect_err("nothing is there");
        assert!(missing.to_string().contains("none` cannot be read"), "{missing}");
    }
}
