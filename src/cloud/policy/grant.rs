//! Statement values go in; what each allows or denies, ready to be compared, comes out.

use super::super::make::strings;
use super::condition::{self, Reach};
use super::pattern::{Case, cost, covers, covers_by, every_resource, everything, meets};
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
    /// What one look at all of them costs, for a short name.
    weight: usize,
    /// Places of the Denies without a condition.
    denies: Vec<usize>,
    /// What one look at those costs, for a short name.
    denials: usize,
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
        let weight = grants.iter().map(Grant::weight).sum();
        let denies: Vec<usize> =
            (0..grants.len()).filter(|place| grants[*place].denies_always()).collect();
        let denials = denies.iter().map(|place| grants[*place].weight()).sum();
        Ok(Self { grants, whole, weight, denies, denials })
    }

    /// Pays for one look at every statement with that action.
    pub fn charge(&self, call: &Call<'_, '_>, action: &str) -> Result<(), EvalError> {
        call.charge(self.weight.saturating_mul(cost(action.len())))
    }

    /// The statements that allow.
    pub fn allows(&self) -> impl Iterator<Item = &Grant<'a>> {
        self.grants.iter().filter(|grant| grant.allow)
    }

    /// Whether unconditional Denies for everyone take away the action on all that `from` allows
    /// it on. A Deny with a condition takes nothing away for certain.
    pub fn denied(
        &self,
        call: &Call<'a, '_>,
        from: &Grant<'_>,
        action: &str,
    ) -> Result<bool, EvalError> {
        self.denied_to(call, from, action, None)
    }

    /// As [`Policy::denied`], by Denies too that name the principal or its whole account.
    pub fn denied_to(
        &self,
        call: &Call<'a, '_>,
        from: &Grant<'_>,
        action: &str,
        who: Option<(&str, &str)>,
    ) -> Result<bool, EvalError> {
        if self.denies.is_empty() {
            return Ok(false);
        }
        call.charge(self.denials.saturating_mul(cost(action.len())))?;
        let denies: Vec<&Grant<'_>> = self
            .denies
            .iter()
            .map(|place| &self.grants[*place])
            .filter(|deny| deny.binds(who) && deny.names_all(action))
            .collect();
        if denies.iter().any(|deny| deny.holds_every_resource()) {
            return Ok(true);
        }
        if denies.is_empty() || from.not_resources.is_some() || from.resources.is_empty() {
            return Ok(false);
        }
        for resource in &from.resources {
            call.charge(self.denials.saturating_mul(cost(resource.len())))?;
            if !denies.iter().any(|deny| deny.holds_resource(resource)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Grant<'_> {
    fn weight(&self) -> usize {
        let lists = [Some(&self.actions), self.not_actions.as_ref(), Some(&self.resources)];
        let patterns = lists.into_iter().chain([self.not_resources.as_ref()]).flatten().flatten();
        let names = self.principals.len() + self.not_principals.as_ref().map_or(0, Vec::len);
        1 + names + patterns.map(|pattern| cost(pattern.len())).sum::<usize>()
    }

    fn denies_always(&self) -> bool {
        !self.allow && condition::absent(self.conditions) == Some(true)
    }

    /// Whether it is for everyone, by `*` or by excluding some.
    pub fn for_everyone(&self) -> bool {
        self.not_principals.is_some() || self.principals.contains(&"*")
    }

    /// Whether a Deny binds all but a few: for everyone, or in a policy that names nobody
    /// because it hangs on its holder. It binds `who` too, a principal and its account, where it
    /// names one of the two.
    fn binds(&self, who: Option<(&str, &str)>) -> bool {
        let names = |list: &[&str]| {
            who.is_some_and(|(name, account)| {
                list.iter().any(|one| {
                    *one == name || one.strip_prefix("aws:").is_some_and(|id| id == account)
                })
            })
        };
        match &self.not_principals {
            Some(spared) => !spared.contains(&"*") && !names(spared),
            None => {
                self.principals.is_empty()
                    || self.principals.contains(&"*")
                    || names(&self.principals)
            }
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
            None => self.holds_every_resource(),
        }
    }

    fn holds_every_resource(&self) -> bool {
        self.not_resources.is_none()
            && (self.resources.is_empty() || self.resources.iter().any(|one| every_resource(one)))
    }

    /// Whether it is about every object of some bucket: `arn:aws:s3:::b/*`, OBS's `b/*`.
    pub fn on_every_object(&self) -> bool {
        let whole = |resource: &&str| {
            let path = resource.rsplit(':').next().unwrap_or(resource);
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            if key.is_empty() { bucket.ends_with('*') } else { everything(key) }
        };
        self.holds_every_resource() || self.resources.iter().any(whole)
    }

    /// Whether every resource the pattern names is among its resources.
    fn holds_resource(&self, resource: &str) -> bool {
        match &self.not_resources {
            Some(spared) => !spared.iter().any(|pattern| meets(pattern, resource)),
            None => self.resources.iter().any(|outer| covers_by(Case::Exact, outer, resource)),
        }
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
