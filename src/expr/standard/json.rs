//! JSON in texts, opened on demand into the arena.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::Vec;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::expr::api::{Call, EvalError, Host};
use crate::model::Val;

use super::{function, param};

pub(super) const HOSTS: [Host; 1] = [function(
    "json",
    &[param("text", "dyn")],
    "dyn",
    json,
    "The value a text writes as JSON; anything but text as it is; unsaid where it does not parse.",
    "json('[1]')[0] == 1",
)];

fn json<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let Some(Val::Str(text)) = args.first() else {
        return Ok(args.first().copied().unwrap_or_default());
    };
    call.charge(text.len() / 8)?;
    let mut source = serde_json::Deserializer::from_str(text);
    let value = Seed(call.arena).deserialize(&mut source).unwrap_or_default();
    Ok(if source.end().is_ok() { value } else { Val::Unsaid })
}

/// Builds values in an arena. The parser bounds the nesting (128 levels).
#[derive(Clone, Copy)]
struct Seed<'a>(&'a Bump);

impl<'de, 'a> DeserializeSeed<'de> for Seed<'a> {
    type Value = Val<'a>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Val<'a>, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de, 'a> Visitor<'de> for Seed<'a> {
    type Value = Val<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Val<'a>, E> {
        Ok(Val::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Val<'a>, E> {
        Ok(Val::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Val<'a>, E> {
        #[expect(clippy::cast_precision_loss, reason = "integers beyond 64 bits become doubles")]
        Ok(i64::try_from(number).map_or(Val::Double(number as f64), Val::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Val<'a>, E> {
        Ok(Val::Double(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Val<'a>, E> {
        Ok(Val::Str(self.0.alloc_str(text)))
    }

    fn visit_unit<E>(self) -> Result<Val<'a>, E> {
        Ok(Val::Unsaid)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Val<'a>, A::Error> {
        let mut items = Vec::new_in(self.0);
        while let Some(item) = source.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Val::list(items.into_bump_slice()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Val<'a>, A::Error> {
        let mut entries = Vec::new_in(self.0);
        while let Some(key) = source.next_key_seed(self)? {
            let key = key.as_str().unwrap_or("");
            entries.push((key, source.next_value_seed(self)?));
        }
        Ok(Val::Map(entries.into_bump_slice()))
    }
}
