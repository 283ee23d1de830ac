//! Statement values go in; what each allows or denies, ready to be compared, comes out.

use super::super::make::strings;
use super::condition::{self, Reach};
use super::pattern::{covers, everything, meets};
use crate::expr::api::{Call, EvalError};
use crate::model::Val;

/// Longest pattern that is compared, in bytes; ARNs are at most this long. A statement with a
/// longer one counts as not understood.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html>
const MAX_PATTERN: usize = 2_048;

/// A statement, opened. Lists that are absent are empty.
pub(super) struct Grant<'a> {
    /// Allow, else deny.
    pub allow: bool,
    /// Whom it names.
    pub principals: Vec<&'a str>,
    /// Everyone but these; `None` where it has no such part.
    pub not_principals: Option<Vec<&'a str>>,
    /// Patterns of actions.
    pub actions: Vec<&'a str>,
    /// Every action but these; `None` where it has no such part.
    pub not_actions: Option<Vec<&'a str>>,
    /// Patterns of resources.
    pub resources: Vec<&'a str>,
    /// Every resource but these; `None` where it has no such part.
    pub not_resources: Option<Vec<&'a str>>,
    /// The condition block.
    pub conditions: Val<'a>,
}

/// The statements of a policy.
pub(super) struct Policy<'a> {
    /// Those that could be read.
    pub grants: Vec<Grant<'a>>,
    /// False where others may exist.
    pub whole: bool,
    /// How many patterns they hold together: what one look at all of them costs.
    pub patterns: usize,
}

impl<'a> Policy<'a> {
    /// Opens a list of statements; nothing there is a policy without statements.
    pub fn open(call: &Call<'a, '_>, value: Val<'a>) -> Result<Self, EvalError> {
        let (items, mut whole) = match value {
            Val::Unsaid | Val::None => (&[][..], true),
            Val::List(seq) => (seq.items, seq.whole),
            _ => return Err(EvalError::Type("a policy is a list of statements")),
        };
        call.charge(items.len())?;
        let mut grants = Vec::with_capacity(items.len());
        for item in items {
            match open(call, *item)? {
                Some(grant) => grants.push(grant),
                None => whole = false,
            }
        }
        let patterns = grants.iter().map(Grant::patterns).sum();
        Ok(Self { grants, whole, patterns })
    }

    /// The statements that allow.
    pub fn allows(&self) -> impl Iterator<Item = &Grant<'a>> {
        self.grants.iter().filter(|grant| grant.allow)
    }

    /// Whether an unconditional Deny for everyone takes away the action on all that `from`
    /// allows it on.
    pub fn denied(
        &self,
        call: &Call<'a, '_>,
        from: &Grant<'_>,
        action: &str,
    ) -> Result<bool, EvalError> {
        call.charge(self.patterns)?;
        Ok(self.grants.iter().any(|deny| {
            !deny.allow
                && condition::absent(deny.conditions) == Some(true)
                && deny.binds_everyone()
                && deny.names_all(action)
                && deny.holds_resources_of(from)
        }))
    }
}

impl Grant<'_> {
    fn patterns(&self) -> usize {
        1 + self.actions.len()
            + self.not_actions.as_ref().map_or(0, Vec::len)
            + self.resources.len()
    }

    /// Whether it is for everyone, by `*` or by excluding some.
    pub fn for_everyone(&self) -> bool {
        self.not_principals.is_some() || self.principals.contains(&"*")
    }

    /// Whether a Deny binds all but a few: for everyone, or in a policy that names nobody
    /// because it hangs on its holder.
    fn binds_everyone(&self) -> bool {
        match &self.not_principals {
            Some(spared) => !spared.contains(&"*"),
            None => self.principals.is_empty() || self.principals.contains(&"*"),
        }
    }

    /// Whether every action the pattern names is among its actions.
    pub fn names_all(&self, action: &str) -> bool {
        if self.actions.iter().any(|pattern| everything(pattern) || covers(pattern, action)) {
            return true;
        }
        self.not_actions
            .as_ref()
            .is_some_and(|spared| !spared.iter().any(|pattern| meets(pattern, action)))
    }

    /// Whether it is about every resource, or all but a few. Huawei leaves `Resource` out for
    /// "every".
    pub fn on_everything(&self) -> bool {
        match &self.not_resources {
            Some(spared) => !spared.iter().any(|pattern| everything(pattern)),
            None => self.resources.is_empty() || self.resources.iter().any(|one| everything(one)),
        }
    }

    fn holds_resources_of(&self, other: &Grant<'_>) -> bool {
        let every = |grant: &Grant<'_>| {
            grant.not_resources.as_ref().is_none_or(Vec::is_empty)
                && (grant.resources.is_empty() || grant.resources.iter().any(|one| everything(one)))
        };
        if every(self) {
            return true;
        }
        if self.not_resources.is_some() || other.not_resources.is_some() || every(other) {
            return false;
        }
        other.resources.iter().all(|inner| self.resources.iter().any(|outer| covers(outer, inner)))
    }

    /// What its condition does to strangers.
    pub fn reach(&self, call: &Call<'_, '_>) -> Result<Reach, EvalError> {
        condition::strangers(call, self.conditions)
    }
}

/// `None` where a part is unknown.
fn open<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Result<Option<Grant<'a>>, EvalError> {
    let allow = match value.get("effect").as_str() {
        Some("allow") => true,
        Some("deny") => false,
        _ => return Ok(None),
    };
    let conditions = value.get("conditions");
    if condition::absent(conditions).is_none() {
        return Ok(None);
    }
    let mut lists = Vec::with_capacity(6);
    for name in
        ["principals", "not_principals", "actions", "not_actions", "resources", "not_resources"]
    {
        let part = value.get(name);
        if matches!(part, Val::List(seq) if !seq.whole) {
            return Ok(None);
        }
        let Some(found) = strings(call, part)? else { return Ok(None) };
        if found.iter().any(|pattern| pattern.len() > MAX_PATTERN) {
            return Ok(None);
        }
        lists.push(found);
    }
    let mut lists = lists.into_iter();
    let mut next = || lists.next().unwrap_or_default();
    let some = |list: Vec<&'a str>| (!list.is_empty()).then_some(list);
    Ok(Some(Grant {
        allow,
        principals: next(),
        not_principals: some(next()),
        actions: next(),
        not_actions: some(next()),
        resources: next(),
        not_resources: some(next()),
        conditions,
    }))
}
