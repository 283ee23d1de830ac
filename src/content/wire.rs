//! Short forms of test events: a [`CaseEvent`] enters, the cloud's own JSON leaves.

/// Seconds of `12:00:30`.
pub(super) fn time_of_day(text: &str) -> Option<u32> {
    let mut parts = text.split(':').map(str::parse::<u32>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().map_or(Some(0), Result::ok)?;
    (hour < 24 && minute < 60 && second < 60 && parts.next().is_none())
        .then_some(hour * 3_600 + minute * 60 + second)
}
