//! The set of content files: paths and texts enter, and are handed out in a fixed order.

use std::sync::Arc;

use include_dir::{Dir, include_dir};

static PACK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/config/content");

/// Content files and the fixtures of their tests. Reads no disk: whoever has read a folder adds
/// its files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: Vec<File>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it stands, as messages name it.
    pub path: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// Whether it is part of the program.
    shipped: bool,
}

impl Files {
    /// No files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The pack that is part of the program, under `config/content/`.
    #[must_use]
    pub fn shipped() -> Self {
        let mut files = Self::new();
        collect(&PACK, &mut files);
        files.files.sort_by(|left, right| left.path.cmp(&right.path));
        files
    }

    /// Whether the file is the program's own, and nobody gave another in its place.
    #[must_use]
    pub fn is_shipped(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.shipped && &*file.path == path)
    }

    /// Adds a file. Of two files of one path the later takes the place of the earlier.
    pub fn add(&mut self, path: &str, text: String) {
        let text: Arc<str> = text.into();
        if let Some(file) = self.files.iter_mut().find(|file| &*file.path == path) {
            file.text = text;
            file.shipped = false;
            return;
        }
        self.files.push(File { path: path.into(), text, shipped: false });
    }

    /// Every file, in the order added; the shipped ones in the order of their paths.
    #[must_use]
    pub fn all(&self) -> &[File] {
        &self.files
    }

    /// The YAML files.
    pub fn documents(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| is_yaml(&file.path))
    }

    /// The text of a fixture, by its path below `fixtures/`. Of several the last added.
    #[must_use]
    pub fn fixture(&self, name: &str) -> Option<&str> {
        self.files
            .iter()
            .rev()
            .find(|file| {
                let Some(front) = file.path.strip_suffix(name) else { return false };
                front == "fixtures/" || front.ends_with("/fixtures/")
            })
            .map(|file| &*file.text)
    }
}

fn is_yaml(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending == "yaml" || ending == "yml")
        && !path.contains("/fixtures/")
}

fn collect(dir: &Dir<'_>, files: &mut Files) {
    for file in dir.files() {
        let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8()) else {
            continue;
        };
        files.files.push(File {
            path: format!("config/content/{}", path.replace('\\', "/")).into(),
            text: text.into(),
            shipped: true,
        });
    }
    for inner in dir.dirs() {
        collect(inner, files);
    }
}
