//! One recognised leaf in, its one outcome out: the cheap question first, the tree only then.

use std::cell::Cell;

use bumpalo::Bump;

use super::keys;
use super::owner;
use super::parse::{self, Bad, Budget};
use super::scan::{Look, Members};
use super::unwrap::Settings;
use super::{Dead, Decoded, Detail, Sink, Skipped, times};
use super::{
    aws_cloudtrail, aws_config, azure_activity, azure_event_grid, gcp_asset, gcp_audit,
    huawei_config, huawei_cts, kubernetes_audit, ocsf,
};
use crate::model::{DeadReason, Digest, Event, EventKey, Family, Format, Provider, Timestamp, Val};

/// What the envelopes around a leaf say, innermost first; empty where none does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outer<'a> {
    pub(super) id: &'a str,
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) time: Option<Timestamp>,
}

impl<'a> Outer<'a> {
    /// What is known inside the envelope `look`.
    pub(super) fn around(self, look: &Look<'a>) -> Self {
        let mut inside = self;
        let bridge = look.has(keys::DETAIL_TYPE) || look.has(keys::SPEC_VERSION);
        if bridge && !look.text(keys::ID_).is_empty() {
            inside.id = look.text(keys::ID_);
        }
        if look.has(keys::DETAIL_TYPE) {
            inside.account = first(&[look.text(keys::ACCOUNT), self.account]);
            inside.region = first(&[look.text(keys::REGION), self.region]);
        }
        if look.has(keys::LOG_EVENTS) {
            inside.account = first(&[look.text(keys::OWNER), self.account]);
        }
        inside.account = first(&[look.text(keys::DOMAIN_ID), inside.account]);
        let times = [
            keys::TIME,
            keys::SNAPSHOT_TIME,
            keys::TIMESTAMP_UPPER,
            keys::TIMESTAMP,
            keys::PUBLISH_TIME,
            keys::PUBLISH_TIME_SNAKE,
        ];
        inside.time = times.into_iter().find_map(|key| times::value(look.val(key))).or(self.time);
        inside
    }
}

/// What the cheap look tells of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed<'a> {
    pub(super) key: EventKey<'a>,
    pub(super) read_only: Option<bool>,
    pub(super) failed: bool,
    /// True for stages of a call other than its end: never asked for.
    pub(super) aside: bool,
}

impl<'a> Keyed<'a> {
    pub(super) fn activity(provider: Provider, service: &'a str, name: &'a str) -> Self {
        let key = EventKey { provider, family: Family::Activity, service, resource_type: "", name };
        Self { key, read_only: None, failed: false, aside: false }
    }

    pub(super) fn state(provider: Provider, name: &'a str) -> Self {
        let key =
            EventKey { provider, family: Family::State, service: "", resource_type: "", name };
        Self { key, read_only: None, failed: false, aside: false }
    }
}

/// Why a leaf is refused; never with the body's content in it, but for names of places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal<'a> {
    pub(super) reason: DeadReason,
    pub(super) detail: &'a str,
}

impl<'a> Refusal<'a> {
    pub(super) fn new(reason: DeadReason, detail: &'a str) -> Self {
        Self { reason, detail }
    }
}

/// A leaf as parsed, with all that reading it needs.
pub(super) struct Leaf<'a> {
    pub(super) arena: &'a Bump,
    pub(super) bytes: &'a [u8],
    pub(super) root: Val<'a>,
    pub(super) keyed: Keyed<'a>,
    pub(super) outer: Outer<'a>,
    budget: Cell<Budget>,
}

impl<'a> Leaf<'a> {
    /// The tree of `bytes`.
    fn parse(
        format: Format,
        bytes: &'a [u8],
        outer: Outer<'a>,
        settings: &Settings<'_>,
        arena: &'a Bump,
    ) -> Result<Self, Bad> {
        let mut budget = Budget { depth: settings.limits.depth, nodes: settings.limits.nodes };
        let root = parse::parse(bytes, arena, &mut budget)?;
        let keyed = keyed(format, &root, arena);
        Ok(Self { arena, bytes, root, keyed, outer, budget: Cell::new(budget) })
    }

    /// A text that holds a JSON object or list, opened; anything else as it is, an empty text
    /// as not said. A text that turns out to be none stays text.
    pub(super) fn open(&self, value: Val<'a>) -> Val<'a> {
        let Val::Str(text) = value else { return value };
        let head = text.trim_start();
        if head.is_empty() {
            return Val::Unsaid;
        }
        if !head.starts_with(['{', '[']) {
            return value;
        }
        let mut budget = self.budget.get();
        let opened = parse::parse(text.as_bytes(), self.arena, &mut budget);
        self.budget.set(budget);
        opened.unwrap_or(value)
    }

    /// The first instant among `values`, else the envelopes'; true when it is theirs.
    pub(super) fn time(&self, values: &[Val<'a>]) -> Result<(Timestamp, bool), Refusal<'a>> {
        if let Some(time) = values.iter().find_map(|value| times::value(*value)) {
            return Ok((time, false));
        }
        let missing = Refusal::new(DeadReason::NoTime, "neither the event nor an envelope has one");
        self.outer.time.map(|time| (time, true)).ok_or(missing)
    }

    /// Text in the arena.
    pub(super) fn keep(&self, text: &str) -> &'a str {
        self.arena.alloc_str(text)
    }

    /// A text; a number or a truth value as its text; else empty.
    pub(super) fn word(&self, value: Val<'a>) -> &'a str {
        match value {
            Val::Str("null") => "",
            Val::Str(text) => text,
            Val::Int(number) => self.keep(&number.to_string()),
            Val::Bool(true) => "true",
            Val::Bool(false) => "false",
            _ => "",
        }
    }

    /// The first id that is one, else the envelope's, else a digest of the leaf.
    pub(super) fn id(&self, ids: &[Val<'a>]) -> &'a str {
        let own = ids.iter().map(|id| self.word(*id)).find(|id| !id.is_empty());
        let found = own.unwrap_or(self.outer.id);
        if found.is_empty() { self.keep(&Digest::of([self.bytes]).to_string()) } else { found }
    }

    /// An id made of the fields that identify the event.
    pub(super) fn made_id(&self, parts: &[&str]) -> &'a str {
        self.keep(&Digest::of_texts(parts).to_string())
    }

    /// A map of these members, the absent ones left out.
    pub(super) fn map(&self, members: &[(&'a str, Val<'a>)]) -> Val<'a> {
        let said = members.iter().filter(|(_, value)| !matches!(value, Val::Unsaid));
        let mut entries = bumpalo::collections::Vec::with_capacity_in(members.len(), self.arena);
        entries.extend(said.copied());
        Val::Map(entries.into_bump_slice())
    }

    /// `map` with these members put in the place of its own of the same name.
    pub(super) fn with(&self, map: Val<'a>, members: &[(&'a str, Val<'a>)]) -> Val<'a> {
        let own = if let Val::Map(own) = map { own } else { &[] };
        let kept = own.iter().filter(|(name, _)| members.iter().all(|(other, _)| other != name));
        let said = members.iter().filter(|(_, value)| !matches!(value, Val::Unsaid));
        let mut entries = bumpalo::collections::Vec::new_in(self.arena);
        entries.extend(kept.chain(said).copied());
        Val::Map(entries.into_bump_slice())
    }
}

/// The first text that is not empty.
pub(super) fn first<'a>(texts: &[&'a str]) -> &'a str {
    texts.iter().copied().find(|text| !text.is_empty()).unwrap_or_default()
}

/// A truth value, also written as text.
pub(super) fn flag(value: Val<'_>) -> Option<bool> {
    match value {
        Val::Bool(truth) => Some(truth),
        Val::Str(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Val::Str(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The member whose name is `name` but for case.
pub(super) fn get_any_case<'a>(map: Val<'a>, name: &str) -> Val<'a> {
    let Val::Map(entries) = map else { return Val::Unsaid };
    let found = entries.iter().rev().find(|(own, _)| own.eq_ignore_ascii_case(name));
    found.map_or(Val::Unsaid, |(_, value)| *value)
}

/// The text after `/marker/`, up to the next `/`, the marker in any case.
pub(super) fn segment<'a>(path: &'a str, marker: &str) -> &'a str {
    let mut parts = path.split('/');
    while let Some(part) = parts.next() {
        if part.eq_ignore_ascii_case(marker) {
            return parts.next().unwrap_or_default();
        }
    }
    ""
}

/// What the event is asked for by; the same from a look and from a tree.
pub(super) fn keyed<'a, M: Members<'a>>(format: Format, it: &M, arena: &'a Bump) -> Keyed<'a> {
    match format {
        Format::HuaweiCts => huawei_cts::key(it),
        Format::HuaweiConfig => huawei_config::key(it, arena),
        Format::AwsCloudtrail => aws_cloudtrail::key(it),
        Format::AwsConfig => aws_config::key(it),
        Format::AzureActivity => azure_activity::key(it, arena),
        Format::AzureEventGrid => azure_event_grid::key(it, arena),
        Format::GcpAudit => gcp_audit::key(it),
        Format::GcpAsset => gcp_asset::key(it),
        Format::KubernetesAudit => kubernetes_audit::key(it, arena),
        Format::OcsfApiActivity => ocsf::key(it),
    }
}

fn event<'a>(format: Format, leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    match format {
        Format::HuaweiCts => huawei_cts::event(leaf),
        Format::HuaweiConfig => huawei_config::event(leaf),
        Format::AwsCloudtrail => aws_cloudtrail::event(leaf),
        Format::AwsConfig => aws_config::event(leaf),
        Format::AzureActivity => azure_activity::event(leaf),
        Format::AzureEventGrid => azure_event_grid::event(leaf),
        Format::GcpAudit => gcp_audit::event(leaf),
        Format::GcpAsset => gcp_asset::event(leaf),
        Format::KubernetesAudit => kubernetes_audit::event(leaf),
        Format::OcsfApiActivity => ocsf::event(leaf),
    }
}

/// Formats some of whose leaves carry no change, which the key alone does not tell.
fn notice<'a, M: Members<'a>>(format: Format, it: &M) -> bool {
    match format {
        Format::HuaweiConfig => huawei_config::is_notice(it),
        Format::AwsConfig => aws_config::is_notice(it),
        _ => false,
    }
}

/// Tells `sink` once about the leaf.
pub(super) fn tell<'w>(
    format: Format,
    look: &Look<'w>,
    bytes: &'w [u8],
    outer: &Outer<'w>,
    settings: &Settings<'w>,
    trees: &Bump,
    sink: &mut Sink<'_>,
) {
    let cheap = keyed(format, look, look.arena());
    let by_owner = || owner::may_have_called(format, look);
    let wanted = !cheap.aside && settings.index.reads(&cheap.key, &by_owner);
    if !wanted && !notice(format, look) {
        let mut skipped = Skipped {
            format,
            provider: cheap.key.provider,
            service: cheap.key.service,
            name: cheap.key.name,
            read_only: cheap.read_only == Some(true),
            failed: cheap.failed,
            id: "",
            account: "",
            time: None,
        };
        if settings.detail == Detail::Counts {
            return sink(trees, Decoded::Skipped(&skipped));
        }
        let leaf = Leaf::parse(format, bytes, *outer, settings, trees);
        if let Ok(Ok(event)) = leaf.as_ref().map(|leaf| event(format, leaf)) {
            skipped.id = event.id;
            skipped.account = event.account;
            skipped.time = Some(event.time);
            return sink(trees, Decoded::Skipped(&skipped));
        }
        return sink(trees, Decoded::Skipped(&skipped));
    }
    let mut dead = Dead {
        format: Some(format),
        reason: DeadReason::NotJson,
        detail: "",
        id: "",
        account: outer.account,
        service: cheap.key.service,
    };
    match Leaf::parse(format, bytes, *outer, settings, trees) {
        Err(bad) => {
            let detail = format!("at byte {} of the event", bad.at);
            dead.reason = bad.reason;
            dead.detail = &detail;
            sink(trees, Decoded::Dead(&dead));
        }
        Ok(leaf) => match event(format, &leaf) {
            Ok(event) => sink(trees, Decoded::Event(&event)),
            Err(refusal) => {
                dead.reason = refusal.reason;
                dead.detail = refusal.detail;
                let said = |names: &[&str]| {
                    names.iter().find_map(|name| leaf.root.get(name).as_str()).unwrap_or_default()
                };
                dead.id = said(&["trace_id", "eventID", "auditID", "insertId", "id"]);
                let owner = said(&["domain_id", "recipientAccountId", "awsAccountId"]);
                dead.account = first(&[owner, outer.account]);
                sink(trees, Decoded::Dead(&dead));
            }
        },
    }
}
