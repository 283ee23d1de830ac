//! Folding of event names: what each provider varies without meaning anything by it.
//!
//! CTS: lower case, `-` and `_` dropped (formats.md 3.4: `loginFailed` and `loginfailed`,
//! `security_group` and `security-groups`). Azure: lower case. GCP: lower case, a leading `v1.`,
//! `beta.`, `alpha.` dropped. AWS: the API version at the end of Lambda's names dropped
//! (`UpdateFunctionCode20150331v2`), case kept.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::model::{EventKey, Provider};

/// Folded bytes hashed together.
const CHUNK: usize = 64;

/// The hash under which the entries for `key` are indexed. Allocates nothing.
#[must_use]
pub fn hash_key(key: &EventKey<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u8(key.provider as u8);
    hasher.write_u8(key.family as u8);
    for part in [key.service, key.resource_type, name_core(key.provider, key.name)] {
        match key.provider {
            Provider::Aws | Provider::Kubernetes => {
                hasher.write(part.as_bytes());
                hasher.write_usize(part.len());
            }
            Provider::Huawei | Provider::Azure | Provider::Gcp | Provider::Other => {
                hash_folded(key.provider, part, &mut hasher);
            }
        }
    }
    hasher.finish()
}

fn hash_folded(provider: Provider, part: &str, hasher: &mut FxHasher) {
    let (mut chunk, mut held, mut length) = ([0; CHUNK], 0, 0);
    for byte in part.bytes() {
        if provider == Provider::Huawei && matches!(byte, b'-' | b'_') {
            continue;
        }
        chunk[held] = byte.to_ascii_lowercase();
        held += 1;
        if held == CHUNK {
            hasher.write(&chunk);
            length += held;
            held = 0;
        }
    }
    hasher.write(&chunk[..held]);
    hasher.write_usize(length + held);
}

/// The name without the version a provider attaches to it.
fn name_core(provider: Provider, name: &str) -> &str {
    match provider {
        Provider::Gcp => {
            for prefix in ["v1.", "beta.", "alpha."] {
                if let Some(rest) = name.strip_prefix(prefix) {
                    return rest;
                }
            }
            name
        }
        Provider::Aws => without_api_version(name),
        Provider::Huawei | Provider::Azure | Provider::Kubernetes | Provider::Other => name,
    }
}

/// Drops `20150331`, `20150331v2` from the end.
fn without_api_version(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let tail = &name[stem.len()..];
    if tail.len() >= 8 {
        // `Name20150331`: the digits may only be the date itself.
        return &name[..name.len() - 8];
    }
    let Some(before_v) = stem.strip_suffix('v').filter(|_| !tail.is_empty()) else {
        return name;
    };
    let core = before_v.trim_end_matches(|c: char| c.is_ascii_digit());
    if before_v.len() - core.len() >= 8 { &before_v[..before_v.len() - 8] } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    fn hash(provider: Provider, resource_type: &str, name: &str) -> u64 {
        let family = Family::Activity;
        hash_key(&EventKey { provider, family, service: "s", resource_type, name })
    }

    #[test]
    fn what_means_nothing_is_folded_and_nothing_else() {
        use Provider::{Aws, Azure, Gcp, Huawei};
        let long = "a-b_".repeat(CHUNK);
        let (folded, other) = ("ab".repeat(CHUNK), "ab".repeat(CHUNK - 1) + "ba");
        let same = [
            (Huawei, (&*long, "c"), (&*folded, "C")),
            (
                Huawei,
                ("security-group-rules", "createSecurity-group-rule"),
                ("security_group_rules", "CREATESECURITYGROUPRULE"),
            ),
            (Azure, ("", "virtualMachines/write"), ("", "VIRTUALMACHINES/WRITE")),
            (Gcp, ("", "v1.compute.firewalls.patch"), ("", "beta.compute.firewalls.patch")),
            (Aws, ("", "UpdateFunctionCode20150331v2"), ("", "UpdateFunctionCode")),
            (Aws, ("", "CreateFunction20150331"), ("", "CreateFunction")),
        ];
        for (provider, left, right) in same {
            assert_eq!(
                hash(provider, left.0, left.1),
                hash(provider, right.0, right.1),
                "{left:?}"
            );
        }
        let different = [
            (Aws, ("", "Createfunction"), ("", "CreateFunction")),
            (Huawei, ("ab", "c"), ("a", "bc")),
            (Huawei, (&*folded, "c"), (&*other, "c")),
            (Huawei, (&*folded, "c"), (&folded[1..], "c")),
            (Aws, ("", "ModifyV2"), ("", "Modify")),
        ];
        for (provider, left, right) in different {
            assert_ne!(
                hash(provider, left.0, left.1),
                hash(provider, right.0, right.1),
                "{left:?}"
            );
        }
    }
}
