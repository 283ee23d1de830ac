//! Evaluation: a compiled body and values for its variables become a value.
//!
//! Logic is three-valued: `Unknown` passes through every strict operator and function, `&&`,
//! `||` and the macros absorb it where the rest decides. What is absent (unsaid, or known to be
//! none) is no error: its members are unsaid, and as a condition it counts as false.
//!
//! **Invariant:** results are allocated in the call's arena alone (a regex keeps scratch space of
//! its own from its first use on); every node costs one unit of
//! fuel; the depth of recursion is that of the body, which the compiler bounds.

mod macros;
pub(super) mod ops;
mod watched;

use std::cell::Cell;

use crate::model::{PortSet, RecordId, Seq, Timestamp, Type, Val};

use super::api::{Call, EvalError, Host};
use super::ir::{Body, Const, Lookup, Node, Op};

/// Arguments that are kept on the stack.
const FEW: usize = 4;

/// The variables of one running body.
pub(super) struct Frame<'f, 'a> {
    vars: &'f [Val<'a>],
    locals: &'f [Cell<Val<'a>>],
}

/// Runs a body; `args` fill its first locals.
pub(super) fn run<'a>(
    body: &'a Body,
    vars: &[Val<'a>],
    args: &[Val<'a>],
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    if body.locals == 0 {
        return eval(&body.node, &Frame { vars, locals: &[] }, call);
    }
    let locals = call.arena.alloc_slice_fill_with(body.locals, |_| Cell::new(Val::Unsaid));
    for (local, arg) in locals.iter().zip(args) {
        local.set(*arg);
    }
    eval(&body.node, &Frame { vars, locals }, call)
}

/// The value of a part that needs no variable but those it brings along.
pub(super) fn fixed<'a>(
    node: &'a Node,
    locals: usize,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let locals = call.arena.alloc_slice_fill_with(locals, |_| Cell::new(Val::Unsaid));
    eval(node, &Frame { vars: &[], locals }, call)
}

/// Half of all nodes are leaves: they are answered where they are asked for.
#[inline]
fn eval<'a>(
    node: &'a Node,
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    call.charge(1)?;
    match node {
        Node::Const(literal) => Ok(constant(literal)),
        Node::Var(slot) => Ok(frame.vars.get(*slot).copied().unwrap_or(Val::Unknown)),
        Node::Local(slot) => Ok(frame.locals.get(*slot).map_or(Val::Unknown, Cell::get)),
        _ => inner(node, frame, call),
    }
}

/// A node with parts, already charged for.
fn inner<'a>(
    node: &'a Node,
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    match node {
        // Answered by `eval`; here for the sake of the closed list.
        Node::Const(_) | Node::Var(_) | Node::Local(_) => eval(node, frame, call),
        Node::Facet(of, kind, facet) => Ok(match eval(of, frame, call)? {
            Val::Resource(handle) if handle.kind == *kind => call.world.facet(handle, *facet),
            Val::Unsaid | Val::None => Val::Unsaid,
            _ => call.world.assumed(*kind, *facet),
        }),
        Node::Id(of) => Ok(match eval(of, frame, call)? {
            Val::Resource(handle) => call.world.id(handle),
            Val::Unsaid | Val::None => Val::Unsaid,
            _ => Val::Unknown,
        }),
        Node::Field(of, record, index) => {
            let of = eval(of, frame, call)?;
            Ok(field(of, *record, *index, call))
        }
        Node::Select(of, name) => Ok(select(eval(of, frame, call)?, name, call)),
        Node::Has(of) => Ok(match eval(of, frame, call)? {
            Val::Unknown => Val::Unknown,
            value => Val::Bool(value.is_present()),
        }),
        Node::Not(of) => Ok(truth(eval(of, frame, call)?)?.map_or(Val::Unknown, |t| Val::Bool(!t))),
        Node::Neg(of) => ops::negate(eval(of, frame, call)?),
        Node::And(sides) => junction(false, &sides.0, &sides.1, frame, call),
        Node::Or(sides) => junction(true, &sides.0, &sides.1, frame, call),
        Node::Cond(parts) => choose(&parts.0, &parts.1, &parts.2, frame, call),
        Node::Op(op, sides) => {
            let left = eval(&sides.0, frame, call)?;
            let right = eval(&sides.1, frame, call)?;
            match (*op, left, right) {
                (Op::Eq, Val::Str(a), Val::Str(b)) => Ok(Val::Bool(a == b)),
                (Op::Eq, Val::Bool(a), Val::Bool(b)) => Ok(Val::Bool(a == b)),
                (Op::Le, Val::Int(a), Val::Int(b)) => Ok(Val::Bool(a <= b)),
                (op, left, right) => ops::binary(op, left, right, call),
            }
        }
        Node::Index(sides, lookup) => {
            let of = eval(&sides.0, frame, call)?;
            let key = eval(&sides.1, frame, call)?;
            index(of, key, *lookup)
        }
        Node::First(candidates) => first(candidates, frame, call),
        Node::Matches(of, regex) => match eval(of, frame, call)? {
            Val::Str(text) => {
                call.charge(text.len() / 16)?;
                Ok(Val::Bool(regex.is_match(text)))
            }
            Val::Unknown => Ok(Val::Unknown),
            Val::Unsaid | Val::None => Ok(Val::Unsaid),
            _ => Err(EvalError::Type("`matches` is asked of text")),
        },
        Node::List(items) => list(items, frame, call),
        Node::Map(entries) => map(entries, frame, call),
        Node::Record(record, fields) => build(*record, fields, frame, call),
        Node::Host(parts) => invoke(&parts.0, &parts.1, frame, call),
        Node::User(body, args) => {
            with_args(args, frame, call, |args| run(body, frame.vars, args, call))
        }
        Node::Macro(parts) => macros::run(parts, frame, call),
        Node::Bind(parts) => macros::bind(parts, frame, call),
        Node::Among(parts) => among(eval(&parts.0, frame, call)?, &parts.1, call),
        Node::Watched(part) => watched::run(part, frame, call),
    }
}

/// `x in [a, b]`, candidate by candidate.
fn among<'a>(
    item: Val<'a>,
    candidates: &'a [Const],
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    if matches!(item, Val::Unknown) {
        return Ok(Val::Unknown);
    }
    call.charge(candidates.len())?;
    let mut certain = true;
    for candidate in candidates {
        match ops::equals(item, constant(candidate), call)? {
            Some(true) => return Ok(Val::Bool(true)),
            Some(false) => {}
            None => certain = false,
        }
    }
    Ok(if certain { Val::Bool(false) } else { Val::Unknown })
}

pub(super) fn constant(literal: &Const) -> Val<'_> {
    match literal {
        Const::Unsaid => Val::Unsaid,
        Const::None => Val::None,
        Const::Unknown => Val::Unknown,
        Const::Bool(truth) => Val::Bool(*truth),
        Const::Int(number) => Val::Int(*number),
        Const::Double(number) => Val::Double(*number),
        Const::Time(instant) => Val::Time(*instant),
        Const::Duration(micros) => Val::Duration(*micros),
        Const::Ports(ranges) => Val::Ports(PortSet { ranges, whole: true }),
        Const::Str(text) => Val::Str(text),
    }
}

/// A condition: `None` when nobody can tell; what is absent counts as false.
fn truth(value: Val<'_>) -> Result<Option<bool>, EvalError> {
    match value {
        Val::Bool(truth) => Ok(Some(truth)),
        Val::Unknown => Ok(None),
        Val::Unsaid | Val::None => Ok(Some(false)),
        _ => Err(EvalError::Type("a condition must be true or false")),
    }
}

/// `&&` (decided by false) and `||` (decided by true): one side that decides absorbs whatever
/// the other is, an error too.
fn junction<'a>(
    decisive: bool,
    left: &'a Node,
    right: &'a Node,
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let left = eval(left, frame, call).and_then(truth);
    let undecided = match left {
        Ok(Some(truth)) if truth == decisive => return Ok(Val::Bool(decisive)),
        Err(EvalError::OutOfFuel) => return Err(EvalError::OutOfFuel),
        Ok(Some(_)) => false,
        _ => true,
    };
    let right = match eval(right, frame, call) {
        Ok(Val::Bool(truth)) if truth == decisive || !undecided => return Ok(Val::Bool(truth)),
        right => right.and_then(truth),
    };
    match (left, right) {
        (_, Ok(Some(truth))) if truth == decisive => Ok(Val::Bool(decisive)),
        (_, Err(EvalError::OutOfFuel)) => Err(EvalError::OutOfFuel),
        (Ok(None), _) | (_, Ok(None)) => Ok(Val::Unknown),
        (Err(error), _) | (_, Err(error)) => Err(error),
        _ => Ok(Val::Bool(!decisive)),
    }
}

/// `c ? x : y`: with an unknown condition still known where both agree.
#[inline(never)]
fn choose<'a>(
    condition: &'a Node,
    yes: &'a Node,
    no: &'a Node,
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    match truth(eval(condition, frame, call)?)? {
        Some(true) => return eval(yes, frame, call),
        Some(false) => return eval(no, frame, call),
        None => {}
    }
    let known = |result: Result<Val<'a>, EvalError>| match result {
        Err(EvalError::OutOfFuel) => Err(EvalError::OutOfFuel),
        Err(_) => Ok(Val::Unknown),
        Ok(value) => Ok(value),
    };
    let yes = known(eval(yes, frame, call))?;
    let no = known(eval(no, frame, call))?;
    let agree = ops::equals(yes, no, call)? == Some(true);
    // Absence is equal to absence, but unsaid writes nothing and none writes none.
    let same_absence = yes.is_present() || matches!(yes, Val::None) == matches!(no, Val::None);
    // So are the two zeros, and dividing by them tells them apart.
    let same_sign = match (yes, no) {
        (Val::Double(yes), Val::Double(no)) => yes.to_bits() == no.to_bits(),
        _ => true,
    };
    Ok(if agree && same_absence && same_sign { yes } else { Val::Unknown })
}

#[inline(never)]
fn first<'a>(
    candidates: &'a [Node],
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    for candidate in candidates {
        let value = eval(candidate, frame, call)?;
        if !matches!(value, Val::Unsaid | Val::None) {
            return Ok(value);
        }
    }
    Ok(Val::Unsaid)
}

fn field<'a>(of: Val<'a>, record: RecordId, index: usize, call: &Call<'a, '_>) -> Val<'a> {
    match of {
        Val::Record(rec) if rec.ty.id == record => {
            rec.fields.get(index).copied().unwrap_or_default()
        }
        other => {
            let name = call.schema.records.get(usize::from(record.0));
            let name = name.and_then(|ty| ty.fields.get(index)).map_or("", |field| &field.name);
            select(other, name, call)
        }
    }
}

#[inline]
fn select<'a>(of: Val<'a>, name: &str, call: &Call<'a, '_>) -> Val<'a> {
    match of {
        Val::Map(_) => of.get(name),
        Val::Unknown => Val::Unknown,
        Val::Resource(handle) if name == "id" => call.world.id(handle),
        Val::Resource(handle) => {
            let kind = call.schema.kinds.get(usize::from(handle.kind.0));
            let facet = kind.and_then(|kind| kind.facet(name));
            facet.map_or(Val::Unsaid, |facet| call.world.facet(handle, facet.id))
        }
        other => other.get(name),
    }
}

#[inline(never)]
fn index<'a>(of: Val<'a>, key: Val<'a>, lookup: Lookup) -> Result<Val<'a>, EvalError> {
    match (of, key) {
        // Nobody knows what stands before the known items of a partial list.
        (Val::Unknown, _)
        | (_, Val::Unknown)
        | (Val::List(Seq { whole: false, .. }), Val::Int(_)) => Ok(Val::Unknown),
        (Val::Unsaid | Val::None, _) | (_, Val::Unsaid | Val::None) => Ok(Val::Unsaid),
        (Val::List(seq), Val::Int(place)) => {
            let found = usize::try_from(place).ok().and_then(|place| seq.items.get(place));
            match found {
                Some(value) => Ok(*value),
                None if lookup == Lookup::Lenient => Ok(Val::Unsaid),
                None => Err(EvalError::Arithmetic("index out of range")),
            }
        }
        (Val::List(seq), Val::Str(name)) => match lookup {
            Lookup::Key(field) => Ok(by_key(seq, name, field)),
            Lookup::Lenient => Ok(Val::Unsaid),
            Lookup::Strict => Err(EvalError::Type("a list is indexed by a number")),
        },
        (Val::Map(_) | Val::Record(_), Val::Str(name)) => Ok(of.get(name)),
        // XML turned into JSON writes a list of one as its single element.
        (Val::Map(_), Val::Int(0)) if lookup == Lookup::Lenient => Ok(of),
        _ if lookup == Lookup::Lenient => Ok(Val::Unsaid),
        _ => Err(EvalError::Type("this value cannot be indexed so")),
    }
}

fn by_key<'a>(seq: Seq<'a>, name: &str, field: u16) -> Val<'a> {
    let mut certain = seq.whole;
    for item in seq.items {
        let key = match item {
            Val::Record(rec) => rec.fields.get(usize::from(field)).copied().unwrap_or_default(),
            Val::Unknown => Val::Unknown,
            _ => continue,
        };
        match key {
            Val::Str(text) if text == name => return *item,
            Val::Unknown => certain = false,
            _ => {}
        }
    }
    if certain { Val::Unsaid } else { Val::Unknown }
}

#[inline(never)]
fn list<'a>(
    items: &'a [(Node, bool)],
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let mut values = bumpalo::collections::Vec::with_capacity_in(items.len(), call.arena);
    let mut whole = true;
    for (item, optional) in items {
        let value = eval(item, frame, call)?;
        match value {
            Val::Unsaid | Val::None if *optional => {}
            Val::Unknown if *optional => whole = false,
            value => values.push(value),
        }
    }
    Ok(Val::List(Seq { items: values.into_bump_slice(), whole }))
}

#[inline(never)]
fn map<'a>(
    entries: &'a [(Node, Node, bool)],
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let mut pairs = bumpalo::collections::Vec::with_capacity_in(entries.len(), call.arena);
    for (key, value, optional) in entries {
        let key = match eval(key, frame, call)? {
            Val::Str(key) => key,
            Val::Unknown => return Ok(Val::Unknown),
            _ => return Err(EvalError::Type("keys of a map are texts")),
        };
        let value = eval(value, frame, call)?;
        if !*optional || value.is_present() || matches!(value, Val::Unknown) {
            pairs.push((key, value));
        }
    }
    Ok(Val::Map(pairs.into_bump_slice()))
}

#[inline(never)]
fn build<'a>(
    record: RecordId,
    given: &'a [(usize, Node)],
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let Some(ty) = call.schema.records.get(usize::from(record.0)) else {
        return Err(EvalError::Type("the record's type is of another schema"));
    };
    let fields = call.arena.alloc_slice_fill_copy(ty.fields.len(), Val::Unsaid);
    for (place, node) in given {
        let value = eval(node, frame, call)?;
        let (Some(field), Some(target)) = (ty.fields.get(*place), fields.get_mut(*place)) else {
            return Err(EvalError::Type("the record's type is of another schema"));
        };
        *target = conform(&field.ty, value)?;
    }
    Ok(Val::Record(crate::model::Rec { ty, fields }))
}

/// The value as the type wants it: words take the case they were declared in, RFC 3339 texts
/// become instants.
#[inline(never)]
fn conform<'a>(ty: &'a Type, value: Val<'a>) -> Result<Val<'a>, EvalError> {
    const WRONG: EvalError = EvalError::Type("a field's value is not of its type");
    if !value.is_present() {
        return Ok(value);
    }
    match (ty, value) {
        (Type::Dyn | Type::Null, _)
        | (Type::Bool, Val::Bool(_))
        | (Type::Int, Val::Int(_))
        | (Type::Double, Val::Double(_))
        | (Type::String | Type::Text(_), Val::Str(_))
        | (Type::Time, Val::Time(_))
        | (Type::Duration, Val::Duration(_))
        | (Type::Ports, Val::Ports(_))
        | (Type::Map(_), Val::Map(_))
        | (Type::Resource(_), Val::Str(_) | Val::Resource(_)) => Ok(value),
        #[expect(clippy::cast_precision_loss, reason = "as CEL's `double()` does")]
        (Type::Double, Val::Int(number)) => Ok(Val::Double(number as f64)),
        (Type::Time, Val::Str(text)) => Timestamp::parse_rfc3339(text).map(Val::Time).ok_or(WRONG),
        (Type::Enum(words), Val::Str(text)) if words.is_empty() => Ok(Val::Str(text)),
        (Type::Enum(words), Val::Str(text)) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            word.map(|word| Val::Str(word)).ok_or(WRONG)
        }
        (Type::List(of), Val::List(seq)) => {
            for item in seq.items {
                conform(of, *item)?;
            }
            Ok(value)
        }
        (Type::Record(id), Val::Record(rec)) if rec.ty.id == *id => Ok(value),
        _ => Err(WRONG),
    }
}

/// Evaluates arguments and hands them on, the few on the stack.
fn with_args<'a, T>(
    args: &'a [Node],
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
    then: impl FnOnce(&[Val<'a>]) -> Result<T, EvalError>,
) -> Result<T, EvalError> {
    let mut few = [Val::Unsaid; FEW];
    let values = match few.get_mut(..args.len()) {
        Some(values) => values,
        None => call.arena.alloc_slice_fill_copy(args.len(), Val::Unsaid),
    };
    for (value, arg) in values.iter_mut().zip(args) {
        *value = eval(arg, frame, call)?;
    }
    then(values)
}

#[inline(never)]
fn invoke<'a>(
    host: &'a Host,
    args: &'a [Node],
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    with_args(args, frame, call, |args| {
        if host.lenient {
            return (host.call)(call, args);
        }
        if args.iter().any(|arg| matches!(arg, Val::Unknown)) {
            return Ok(Val::Unknown);
        }
        let due = host.params.first().is_some_and(|param| !param.optional);
        if due && args.first().is_none_or(|arg| !arg.is_present()) {
            return Ok(Val::Unsaid);
        }
        (host.call)(call, args)
    })
}
