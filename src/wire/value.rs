//! Values as messages. Records name their type by an index into a table that the message around
//! them has.

use crate::model::{PortRange, RecordId, Timestamp, Value};

use super::WireError;
use super::messages::{self, Form, Is};

/// A value as a message; `place` tells where a record type is in the message's table.
pub(super) fn write(value: &Value, place: &mut dyn FnMut(RecordId) -> u32) -> messages::Value {
    let mut message = messages::Value::default();
    let form = |form: Form| Some(Is::Form(form.into()));
    message.is = match value {
        Value::Unsaid => None,
        Value::None => form(Form::None),
        Value::Unknown => form(Form::Unknown),
        Value::Bool(truth) => Some(Is::Truth(*truth)),
        Value::Int(number) => Some(Is::Integer(*number)),
        Value::Double(number) => Some(Is::Number(*number)),
        Value::Str(text) => Some(Is::Text(text.to_string())),
        Value::Time(instant) => Some(Is::TimeMicros(instant.0)),
        Value::Duration(micros) => Some(Is::DurationMicros(*micros)),
        Value::Ports(ranges, whole) => {
            let ends = |range: &PortRange| [u32::from(range.first), u32::from(range.last)];
            message.ports = ranges.iter().flat_map(ends).collect();
            form(if *whole { Form::Ports } else { Form::PartialPorts })
        }
        Value::List(items, whole) => {
            message.items = items.iter().map(|item| write(item, place)).collect();
            form(if *whole { Form::List } else { Form::PartialList })
        }
        Value::Map(entries) => {
            message.keys = entries.iter().map(|(key, _)| key.to_string()).collect();
            message.items = entries.iter().map(|(_, item)| write(item, place)).collect();
            form(Form::Map)
        }
        Value::Record(id, fields) => {
            message.record = place(*id);
            message.items = fields.iter().map(|field| write(field, place)).collect();
            form(Form::Record)
        }
    };
    message
}

/// A record type, or an act, of a message's table, in the reader's terms.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its number here; `None` where nothing here has its name.
    pub(super) id: Option<RecordId>,
    /// For each field here its place in the message.
    pub(super) from: Vec<Option<usize>>,
    /// How many fields it has in the message.
    pub(super) width: usize,
}

impl Shape {
    /// The items in the order in which the fields are declared here, and how many are left that
    /// say something.
    fn arrange(
        &self,
        mut items: Vec<messages::Value>,
    ) -> Result<(Vec<messages::Value>, usize), WireError> {
        if items.len() > self.width {
            return Err(WireError::malformed("a record with more values than fields"));
        }
        let mut take = |from: &Option<usize>| {
            from.and_then(|place| items.get_mut(place)).map(std::mem::take).unwrap_or_default()
        };
        let taken = self.from.iter().map(&mut take).collect();
        Ok((taken, items.iter().filter(|item| item.is.is_some()).count()))
    }
}

/// Reads the values of one message.
#[derive(Debug)]
pub(super) struct Reader {
    /// The message's table.
    pub(super) shapes: Vec<Shape>,
    /// Values left out so far because nothing here has their field's name.
    pub(super) lost: usize,
}

impl Reader {
    fn shape(&self, place: u32) -> Result<&Shape, WireError> {
        usize::try_from(place)
            .ok()
            .and_then(|place| self.shapes.get(place))
            .ok_or_else(|| WireError::malformed(format!("no record type has the place {place}")))
    }

    /// The value; a record whose type has no name here is unknown.
    pub(super) fn value(&mut self, message: messages::Value) -> Result<Value, WireError> {
        let Some(is) = message.is else { return Ok(Value::Unsaid) };
        let form = match is {
            Is::Truth(truth) => return Ok(Value::Bool(truth)),
            Is::Integer(number) => return Ok(Value::Int(number)),
            Is::Number(number) => return Ok(Value::Double(number)),
            Is::Text(text) => return Ok(Value::Str(text.into())),
            Is::TimeMicros(micros) => return Ok(Value::Time(Timestamp(micros))),
            Is::DurationMicros(micros) => return Ok(Value::Duration(micros)),
            Is::Form(form) => Form::try_from(form).unwrap_or(Form::Unspecified),
        };
        match form {
            Form::None => Ok(Value::None),
            Form::Unknown => Ok(Value::Unknown),
            Form::Ports => Ok(Value::Ports(ranges(&message.ports)?, true)),
            Form::PartialPorts => Ok(Value::Ports(ranges(&message.ports)?, false)),
            Form::List => Ok(Value::List(self.values(message.items)?, true)),
            Form::PartialList => Ok(Value::List(self.values(message.items)?, false)),
            Form::Map => self.map(message.keys, message.items),
            Form::Record => self.record(message.record, message.items),
            Form::Unspecified => Err(WireError::malformed("a value of no known form")),
        }
    }

    fn values(&mut self, items: Vec<messages::Value>) -> Result<Box<[Value]>, WireError> {
        items.into_iter().map(|item| self.value(item)).collect()
    }

    fn map(&mut self, keys: Vec<String>, items: Vec<messages::Value>) -> Result<Value, WireError> {
        if keys.len() != items.len() {
            return Err(WireError::malformed("a map with more keys than values, or fewer"));
        }
        let entry = |(key, item): (String, _)| Ok((key.into(), self.value(item)?));
        keys.into_iter().zip(items).map(entry).collect::<Result<_, WireError>>().map(Value::Map)
    }

    fn record(&mut self, place: u32, items: Vec<messages::Value>) -> Result<Value, WireError> {
        let shape = self.shape(place)?;
        let id = shape.id;
        let (taken, lost) = shape.arrange(items)?;
        self.lost += lost;
        let fields = self.values(taken)?;
        Ok(id.map_or(Value::Unknown, |id| Value::Record(id, fields)))
    }

    /// Values of a shape's fields in the order in which they are declared here; what the message
    /// does not have is unsaid.
    pub(super) fn arranged(
        &mut self,
        shape: &Shape,
        items: Vec<messages::Value>,
    ) -> Result<Box<[Value]>, WireError> {
        let (taken, lost) = shape.arrange(items)?;
        self.lost += lost;
        self.values(taken)
    }
}

fn ranges(ends: &[u32]) -> Result<Box<[PortRange]>, WireError> {
    let bad = || WireError::malformed("ports that are no ascending ranges");
    let (pairs, rest) = ends.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(bad());
    }
    let mut ranges: Vec<PortRange> = Vec::with_capacity(pairs.len());
    for [first, last] in pairs {
        let first = u16::try_from(*first).map_err(|_| bad())?;
        let last = u16::try_from(*last).map_err(|_| bad())?;
        if last < first || ranges.last().is_some_and(|before| before.last >= first) {
            return Err(bad());
        }
        ranges.push(PortRange { first, last });
    }
    Ok(ranges.into())
}
