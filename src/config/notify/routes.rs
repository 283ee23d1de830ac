//! The routes: names into what they name.

use std::collections::BTreeMap;

use crate::model::{Area, Provider, Severity, Step};
use crate::notify::{Glob, Matcher, Route, Routes, Tag};

use super::super::raw::notify::{Match, Route as Raw, Words};
use super::Desk;

/// Checks the routes. Without any, everything goes to every destination.
pub(super) fn check(raw: &[Raw], numbers: &BTreeMap<&str, usize>, desk: &mut Desk<'_>) -> Routes {
    if raw.is_empty() {
        return Routes(vec![Route { to: numbers.values().copied().collect(), ..Route::default() }]);
    }
    if raw.last().is_some_and(|last| last.matcher != Match::default() || last.goes_on) {
        desk.fault(
            "notify.routes",
            "the last route must take what no other took; add one without `match`, such as \
             `{to: [NAME]}`, or `{to: []}` to tell nobody",
        );
    }
    let mut routes = Vec::with_capacity(raw.len());
    for (index, route) in raw.iter().enumerate() {
        let place = format!("notify.routes[{index}]");
        let mut to = Vec::with_capacity(route.to.len());
        for name in &route.to {
            match numbers.get(name.as_str()) {
                Some(number) => to.push(*number),
                None => desk.fault(&format!("{place}.to"), unknown(name, numbers)),
            }
        }
        if index + 1 < raw.len() && route.matcher == Match::default() && !route.goes_on {
            desk.fault(
                &place,
                "it takes everything, so that no later route is ever looked at; move it to the \
                 end, or add `match` or `continue: true`",
            );
        }
        let matcher = matcher(&route.matcher, &format!("{place}.match"), desk);
        routes.push(Route { matcher, to, goes_on: route.goes_on });
    }
    Routes(routes)
}

fn unknown(name: &str, numbers: &BTreeMap<&str, usize>) -> String {
    let known: Vec<&str> = numbers.keys().copied().collect();
    if known.is_empty() {
        return format!("`{name}` is no destination, as there is none");
    }
    format!("`{name}` is no destination; there are `{}`", known.join("`, `"))
}

fn matcher(raw: &Match, place: &str, desk: &mut Desk<'_>) -> Matcher {
    let globs = |words: &Words| words.all().iter().map(|word| Glob::new(word)).collect();
    let steps = [Step::Opened, Step::Updated, Step::Resolved, Step::Retracted];
    let step = |name: &str| steps.into_iter().find(|step| step.as_str() == name);
    let areas: Vec<&str> = Area::ALL.iter().map(|area| area.as_str()).collect();
    let providers: Vec<&str> = Provider::ALL.iter().map(|known| known.as_str()).collect();
    let severity = raw.severity.as_deref().and_then(|name| {
        let found = Severity::from_name(&name.to_ascii_lowercase());
        if found.is_none() {
            let known = Severity::ALL.map(Severity::as_str).join("`, `");
            let what = format!("`{name}` is no severity; there are `{known}`");
            desk.fault(&format!("{place}.severity"), what);
        }
        found
    });
    let tag = |(key, value): (&String, &String)| Tag {
        key: key.clone(),
        value: (value != "*").then(|| Glob::new(value)),
    };
    Matcher {
        tenants: globs(&raw.tenant),
        severity,
        areas: named(&raw.area, &format!("{place}.area"), (&Area::from_name, &areas), desk),
        detectors: globs(&raw.detector),
        steps: named(&raw.step, &format!("{place}.step"), (&step, &steps.map(Step::as_str)), desk),
        tags: raw.tag.iter().map(tag).collect(),
        providers: named(
            &raw.provider,
            &format!("{place}.provider"),
            (&Provider::from_name, &providers),
            desk,
        ),
    }
}

/// A closed list: what a word of it means, and all of them.
type List<'l, V> = (&'l dyn Fn(&str) -> Option<V>, &'l [&'l str]);

/// Words of a closed list.
fn named<V>(words: &Words, place: &str, (of, known): List<'_, V>, desk: &mut Desk<'_>) -> Vec<V> {
    let mut all = Vec::with_capacity(words.all().len());
    for word in words.all() {
        match of(word) {
            Some(value) => all.push(value),
            None => {
                desk.fault(place, format!("`{word}` is none of `{}`", known.join("`, `")));
            }
        }
    }
    all
}
