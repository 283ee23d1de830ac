//! A look at an event in, whether the account's owner may be its actor out.
//!
//! **Invariant:** where it says no, reading the event says no too (`actor.root`). Where it says
//! yes, reading decides; that costs time and nothing else.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::keys;
use super::scan::Look;
use crate::model::Format;

/// CloudTrail, and what OCSF keeps of it: `"type": "Root"`.
static TYPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"type"));
/// CTS: `"principal_is_root_user": "true"`, also within text.
static IS_ROOT: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(b"principal_is_root_user"));

/// Whether the account's owner may have called. The bytes of one member are searched, nothing is
/// parsed or kept.
pub(super) fn may_have_called(format: Format, look: &Look<'_>) -> bool {
    let (member, name, value) = match format {
        Format::AwsCloudtrail => (keys::USER_IDENTITY, &TYPE, &b"root"[..]),
        Format::HuaweiCts => (keys::USER, &IS_ROOT, &b"true"[..]),
        Format::OcsfApiActivity => (keys::ACTOR, &TYPE, &b"root"[..]),
        // These clouds have no owner who acts as such.
        Format::HuaweiConfig
        | Format::AwsConfig
        | Format::AzureActivity
        | Format::AzureEventGrid
        | Format::GcpAudit
        | Format::GcpAsset
        | Format::KubernetesAudit => return false,
    };
    look.raw(member).is_some_and(|raw| says(raw, name, value))
}

/// Whether `name` stands somewhere in `raw` with a value that begins like `value`, in any case
/// and however many quotes and backslashes are around the two. No cloud and no relay escapes
/// letters, so a name is never missed.
fn says(raw: &[u8], name: &Finder<'_>, value: &[u8]) -> bool {
    name.find_iter(raw).any(|at| {
        let rest = &raw[at + name.needle().len()..];
        let between = |byte: &u8| b"\"\\: \t\r\n".contains(byte);
        let begin = rest.iter().position(|byte| !between(byte)).unwrap_or(rest.len());
        rest[begin..].get(..value.len()).is_some_and(|head| head.eq_ignore_ascii_case(value))
    })
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use crate::decode::scan::Tools;

    use super::*;

    fn check(format: Format, body: &str, expected: bool) {
        let arena = Bump::new();
        let order = keys::Order::default();
        let tools = Tools { arena: &arena, order: &order };
        let mut look = Look::new(body.as_bytes(), tools);
        look.scan(0).expect("JSON");
        assert_eq!(may_have_called(format, &look), expected, "{body}");
    }

    #[test]
    fn the_owner_is_seen_in_every_shape_and_nobody_else_is() {
        use Format::{AwsCloudtrail, GcpAudit, HuaweiCts, OcsfApiActivity};
        let cases = [
            (AwsCloudtrail, r#"{"userIdentity":{"type":"Root","accountId":"1"}}"#, true),
            (AwsCloudtrail, r#"{"userIdentity": {"accountId": "1", "type" : "Root"}}"#, true),
            (
                AwsCloudtrail,
                r#"{"userIdentity":{"type":"AssumedRole","sessionContext":{"sessionIssuer":{"type":"Role"}}}}"#,
                false,
            ),
            (AwsCloudtrail, r#"{"userIdentity":{"type":"IAMUser","userName":"Root"}}"#, false),
            (AwsCloudtrail, r#"{"userIdentity":null,"request":{"type":"Root"}}"#, false),
            (AwsCloudtrail, r#"{"userIdentity":"type"}"#, false),
            (HuaweiCts, r#"{"user":{"principal_is_root_user":"true"}}"#, true),
            (HuaweiCts, r#"{"user":{"principal_is_root_user": true}}"#, true),
            (HuaweiCts, r#"{"user":"{\"principal_is_root_user\": \"True\"}"}"#, true),
            (
                HuaweiCts,
                r#"{"user":{"principal_is_root_user":"false","session_context":{"attributes":{"mfa_authenticated":"true"}}}}"#,
                false,
            ),
            (HuaweiCts, r#"{"user":{"name":"alice"}}"#, false),
            (OcsfApiActivity, r#"{"actor":{"user":{"type":"Root"}}}"#, true),
            (OcsfApiActivity, r#"{"actor":{"user":{"type":"IAMUser"}}}"#, false),
            (GcpAudit, r#"{"userIdentity":{"type":"Root"}}"#, false),
        ];
        for (format, body, expected) in cases {
            check(format, body, expected);
        }
    }
}
