//! What of the content is near an event that nothing reads, and which events would lead to a
//! kind or a deed: for messages.

use super::compiled::{Content, Entry, Verb};
use super::fold;
use super::mapping::split_name;
use crate::model::{EventKey, Family, KindId, Provider};

/// The entry that reads the event most like this one.
#[derive(Clone, Debug)]
pub struct Near<'c> {
    /// The entry.
    pub entry: &'c Entry,
    /// The name it reads, as written.
    pub name: &'c str,
    /// Whether it is of another service than the event.
    pub elsewhere: bool,
}

/// The mapped event whose name is nearest to `key`'s: of its service where that has any, else
/// one of exactly that name of another service.
#[must_use]
pub fn nearest<'c>(content: &'c Content, key: &EventKey<'_>) -> Option<Near<'c>> {
    let of_cloud = content
        .entries
        .iter()
        .zip(0_u32..)
        .filter(|(entry, _)| entry.provider == key.provider && entry.family == key.family)
        .flat_map(|(entry, number)| entry.names.iter().map(move |name| (entry, number, &**name)));
    let mut best: Option<(usize, Near<'c>)> = None;
    for (entry, number, name) in of_cloud {
        let (resource_type, event) = split_name(entry.provider, entry.family, name);
        let candidate = EventKey { resource_type, name: event, ..*key };
        let index = content.index.get(&fold::hash_key(&candidate));
        let here = index.is_some_and(|list| list.contains(&number));
        let distance = distance(key, resource_type, event);
        if !here && distance > 0 {
            continue;
        }
        // What stands elsewhere is told only where nothing of the service does.
        let rank = if here { distance } else { usize::MAX };
        if best.as_ref().is_none_or(|(least, _)| rank < *least) {
            best = Some((rank, Near { entry, name, elsewhere: !here }));
        }
    }
    best.map(|(_, near)| near)
}

fn distance(key: &EventKey<'_>, resource_type: &str, name: &str) -> usize {
    let fold = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    strsim::levenshtein(&fold(key.name), &fold(name))
        + strsim::levenshtein(&fold(key.resource_type), &fold(resource_type))
}

/// The names of a cloud's events that say something of one of `kinds`, as written, each once.
#[must_use]
pub fn writers<'c>(content: &'c Content, provider: Provider, kinds: &[KindId]) -> Vec<&'c str> {
    names(content, provider, &|entry| {
        entry.groups.iter().any(|group| {
            group.resource.as_ref().is_some_and(|resource| kinds.contains(&resource.kind))
                && group.verbs.iter().any(|verb| !matches!(verb, Verb::Act(..) | Verb::Blind))
        })
    })
}

/// The names of a cloud's events that tell of that deed, as written, each once.
#[must_use]
pub fn doers(content: &Content, provider: Provider, act: u16) -> Vec<&str> {
    let tells = |verb: &Verb| matches!(verb, Verb::Act(told, _) if *told == act);
    names(content, provider, &|entry| {
        entry.groups.iter().any(|g| g.verbs.iter().chain(&g.otherwise).any(tells))
    })
}

fn names<'c>(
    content: &'c Content,
    provider: Provider,
    wanted: &dyn Fn(&Entry) -> bool,
) -> Vec<&'c str> {
    let mut names: Vec<&str> = Vec::new();
    let of_cloud = content.entries.iter().filter(|entry| entry.provider == provider);
    for entry in of_cloud.filter(|entry| entry.family == Family::Activity && wanted(entry)) {
        for name in &entry.names {
            if !names.contains(&&**name) {
                names.push(name);
            }
        }
    }
    names
}
