//! What loads but is probably not meant so: compiled content enters, warnings leave.

use super::compiled::Content;
use super::load::Documents;

/// Reports what is probably not meant so.
pub(super) fn lint(content: &Content, documents: &Documents<'_>) {
    let _ = (content, documents);
}
