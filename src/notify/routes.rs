//! Which destinations a notice goes to: routes in order, the first that matches decides, unless it
//! says to go on.

use std::collections::BTreeSet;

use crate::model::{Area, Provider, Severity, Step};

use super::notice::Notice;

/// A pattern for names, in which `*` stands for any characters and `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// The pattern, without regard for the case of ASCII letters.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_ascii_lowercase())
    }

    /// Whether the whole of `text` is as the pattern says.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.to_ascii_lowercase().chars().collect();
        let pattern: Vec<char> = self.0.chars().collect();
        let (mut at, mut place) = (0, 0);
        // Where the last star stands, and how far it reaches.
        let mut star = None;
        while at < text.len() {
            match pattern.get(place) {
                Some('*') => {
                    star = Some((place, at));
                    place += 1;
                }
                Some(c) if *c == '?' || *c == text[at] => {
                    at += 1;
                    place += 1;
                }
                _ => {
                    let Some((of, reach)) = star else { return false };
                    star = Some((of, reach + 1));
                    at = reach + 1;
                    place = of + 1;
                }
            }
        }
        pattern[place..].iter().all(|c| *c == '*')
    }
}

/// A tag that a resource must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// What its value must be like; any where `None`.
    pub value: Option<Glob>,
}

/// What a notice must be like. An empty list says nothing; of a list one is enough; all lists must
/// hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Whose.
    pub tenants: Vec<Glob>,
    /// At least as bad.
    pub severity: Option<Severity>,
    /// Part of the shared-responsibility model.
    pub areas: Vec<Area>,
    /// One of the detectors that hold.
    pub detectors: Vec<Glob>,
    /// Which step.
    pub steps: Vec<Step>,
    /// Tags, all of them.
    pub tags: Vec<Tag>,
    /// The cloud.
    pub providers: Vec<Provider>,
}

impl Matcher {
    /// Whether a notice is like that.
    #[must_use]
    pub fn matches(&self, notice: &Notice) -> bool {
        self.matches_for_life(notice) && self.matches_for_now(notice)
    }

    /// By what never changes over a finding's life.
    fn matches_for_life(&self, notice: &Notice) -> bool {
        let one =
            |list: &[Glob], text: &str| list.is_empty() || list.iter().any(|g| g.matches(text));
        let provider = |known: &Provider| known.as_str() == notice.provider;
        one(&self.tenants, &notice.tenant)
            && (self.providers.is_empty() || self.providers.iter().any(provider))
    }

    /// By what may be different with each step.
    fn matches_for_now(&self, notice: &Notice) -> bool {
        let area = |known: &Area| notice.area == Some(*known);
        let detector =
            |glob: &Glob| notice.reasons.iter().any(|reason| glob.matches(&reason.detector));
        let tag = |wanted: &Tag| {
            let found = notice.tags.iter().find(|(key, _)| *key == wanted.key);
            found.is_some_and(|(_, value)| wanted.value.as_ref().is_none_or(|g| g.matches(value)))
        };
        self.severity.is_none_or(|least| notice.severity >= least)
            && (self.areas.is_empty() || self.areas.iter().any(area))
            && (self.detectors.is_empty() || self.detectors.iter().any(detector))
            && (self.steps.is_empty() || self.steps.contains(&notice.step))
            && self.tags.iter().all(tag)
    }
}

/// Where notices that match go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Which.
    pub matcher: Matcher,
    /// Destinations, by number; none drops them.
    pub to: Vec<usize>,
    /// Whether later routes are looked at as well.
    pub goes_on: bool,
}

/// All routes, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(pub Vec<Route>);

impl Routes {
    /// The destinations of a notice, without repetition, in ascending order. `closes` says of a
    /// destination whether ends must reach it wherever an opening may have: an end goes there by
    /// every route that leads there for the finding's tenant and cloud, as severity, detectors and
    /// tags may have been others when it was opened.
    #[must_use]
    pub fn of(&self, notice: &Notice, closes: &dyn Fn(usize) -> bool) -> Vec<usize> {
        let mut all = BTreeSet::new();
        for route in &self.0 {
            if route.matcher.matches(notice) {
                all.extend(&route.to);
                if !route.goes_on {
                    break;
                }
            }
        }
        if notice.is_end() {
            for route in self.0.iter().filter(|route| route.matcher.matches_for_life(notice)) {
                all.extend(route.to.iter().filter(|number| closes(**number)));
            }
        }
        all.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notify::tests::lab::notice;

    #[test]
    fn a_pattern_is_matched_as_a_whole_without_regard_for_case() {
        for (pattern, text, matches) in [
            ("FW-001", "fw-001", true),
            ("FW-*", "FW-001", true),
            ("FW-*", "NFW-001", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*-00?", "FW-001", true),
            ("*-00?", "FW-0011", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXcYb", false),
            ("组*", "组-1", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_matches_itself_and_a_star(text in "[a-z0-9-]{0,20}", cut in 0_usize..20) {
            prop_assert!(Glob::new(&text).matches(&text));
            let cut = cut.min(text.len());
            let (head, tail) = (&text[..cut], &text[cut..]);
            let with_star = format!("{head}*");
            prop_assert!(Glob::new(&with_star).matches(&text));
            let with_star = format!("*{tail}");
            prop_assert!(Glob::new(&with_star).matches(&text));
        }

        #[test]
        fn a_hostile_pattern_ends(pattern in "[a*]{0,40}", text in "a{0,200}b") {
            let _ = Glob::new(&pattern).matches(&text);
        }
    }

    fn globs(patterns: &[&str]) -> Vec<Glob> {
        patterns.iter().map(|pattern| Glob::new(pattern)).collect()
    }

    #[test]
    fn every_list_must_hold_and_of_a_list_one_is_enough() {
        let notice = notice("a", "f", Step::Opened);
        let tag = |key: &str, value: Option<&str>| {
            vec![Tag { key: key.to_owned(), value: value.map(Glob::new) }]
        };
        let base = Matcher::default;
        for (matcher, matches) in [
            (base(), true),
            (Matcher { tenants: globs(&["other", "acm*"]), ..base() }, true),
            (Matcher { tenants: globs(&["other"]), ..base() }, false),
            (Matcher { severity: Some(Severity::High), ..base() }, true),
            (Matcher { severity: Some(Severity::Critical), ..base() }, false),
            (Matcher { areas: vec![Area::VirtualFirewalls], ..base() }, true),
            (Matcher { areas: vec![Area::Identity], ..base() }, false),
            (Matcher { detectors: globs(&["FW-002"]), ..base() }, true),
            (Matcher { detectors: globs(&["IAM-*"]), ..base() }, false),
            (Matcher { steps: vec![Step::Opened, Step::Updated], ..base() }, true),
            (Matcher { steps: vec![Step::Resolved], ..base() }, false),
            (Matcher { tags: tag("team", None), ..base() }, true),
            (Matcher { tags: tag("team", Some("sh*")), ..base() }, true),
            (Matcher { tags: tag("team", Some("pay")), ..base() }, false),
            (Matcher { tags: tag("env", None), ..base() }, false),
            (Matcher { providers: vec![Provider::Aws], ..base() }, true),
            (Matcher { providers: vec![Provider::Huawei], ..base() }, false),
            (
                Matcher { tenants: globs(&["acme"]), providers: vec![Provider::Huawei], ..base() },
                false,
            ),
        ] {
            assert_eq!(matcher.matches(&notice), matches, "{matcher:?}");
        }
    }

    fn route(severity: Option<Severity>, to: &[usize], goes_on: bool) -> Route {
        Route { matcher: Matcher { severity, ..Matcher::default() }, to: to.to_vec(), goes_on }
    }

    #[test]
    fn the_first_match_decides_unless_it_goes_on() {
        let routes = Routes(vec![
            route(Some(Severity::Critical), &[0], false),
            route(Some(Severity::High), &[1, 2], true),
            route(Some(Severity::Medium), &[2, 3], false),
            route(None, &[4], false),
        ]);
        for (severity, to) in [
            (Severity::Critical, vec![0]),
            (Severity::High, vec![1, 2, 3]),
            (Severity::Medium, vec![2, 3]),
            (Severity::Low, vec![4]),
        ] {
            let mut notice = notice("a", "f", Step::Opened);
            notice.severity = severity;
            assert_eq!(routes.of(&notice, &|_| false), to, "{severity:?}");
        }
        assert!(Routes::default().of(&notice("a", "f", Step::Opened), &|_| true).is_empty());
    }

    #[test]
    fn an_end_reaches_whatever_its_opening_may_have_opened() {
        let mut elsewhere = route(None, &[5], false);
        elsewhere.matcher.tenants = globs(&["other"]);
        let routes = Routes(vec![
            elsewhere,
            route(Some(Severity::High), &[0, 1], false),
            route(None, &[2], false),
        ]);
        // It was high when it was opened.
        let mut end = notice("a", "f", Step::Resolved);
        end.severity = Severity::Low;
        assert_eq!(routes.of(&end, &|number| number != 1), [0, 2]);
        let mut update = end.clone();
        update.step = Step::Updated;
        assert_eq!(routes.of(&update, &|_| true), [2]);
    }
}
