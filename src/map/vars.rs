//! The variables of a mapping, filled from an event in the order of `content::scope`.

use bumpalo::Bump;
use bumpalo::collections::Vec;

use crate::content::scope;
use crate::model::{Event, Family, Val};

/// Appends what every event tells, in the order of [`scope::EVENT`].
pub fn fill_event<'a>(event: &Event<'a>, vars: &mut Vec<'a, Val<'a>>) {
    let text = |text: &'a str| if text.is_empty() { Val::Unsaid } else { Val::Str(text) };
    let actor = &event.actor;
    let values: [Val<'a>; scope::EVENT.len()] = [
        text(event.key.name),
        text(event.key.service),
        text(event.key.resource_type),
        text(event.id),
        Val::Time(event.time),
        text(event.region),
        text(event.account),
        text(event.body.resource_id),
        text(event.body.resource_name),
        event.error.map_or(Val::Unsaid, |error| Val::Str(error.code)),
        Val::Str(event.key.provider.as_str()),
        text(actor.id),
        text(actor.name),
        text(actor.kind),
        text(actor.account),
        text(actor.credential),
        text(actor.invoked_by),
        Val::Bool(actor.root),
        actor.mfa.map_or(Val::Unsaid, Val::Bool),
        text(actor.source_ip),
        text(actor.user_agent),
    ];
    vars.extend_from_slice(&values);
}

/// Every variable of a mapping's scope but its loops'.
pub fn mapping<'a>(event: &Event<'a>, arena: &'a Bump) -> Vec<'a, Val<'a>> {
    let mut vars = Vec::with_capacity_in(
        scope::EVENT.len() + scope::MAPPING.len() + scope::STATE.len() + 4,
        arena,
    );
    fill_event(event, &mut vars);
    let text = |text: &'a str| if text.is_empty() { Val::Unsaid } else { Val::Str(text) };
    let body = &event.body;
    vars.extend_from_slice(&[
        body.request,
        body.response,
        body.raw,
        text(body.resource_id),
        text(event.account),
        text(event.region),
    ]);
    // Only snapshots have members of these names that anybody may ask for.
    vars.extend(scope::STATE.iter().map(|name| match event.key.family {
        Family::State => body.raw.get(name),
        Family::Activity => Val::Unsaid,
    }));
    vars
}
