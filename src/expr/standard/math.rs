//! Functions on numbers.

use std::cmp::Ordering;

use crate::expr::api::{Call, EvalError, Host};
use crate::expr::eval::ops::order;
use crate::model::{Seq, Val};

use super::{NOT_SO, function, param};

/// `math.greatest`, whose type the checker refines.
pub(in crate::expr) const GREATEST: Host = function(
    "math.greatest",
    &[param("numbers", "list<dyn>")],
    "dyn",
    greatest,
    "The greatest of a list of numbers, or of all arguments.",
    "math.greatest(1, 3, 2) == 3",
);

/// `math.least`, whose type the checker refines.
pub(in crate::expr) const LEAST: Host = function(
    "math.least",
    &[param("numbers", "list<dyn>")],
    "dyn",
    least,
    "The least of a list of numbers, or of all arguments.",
    "math.least([3, 1, 2]) == 1",
);

pub(super) const HOSTS: [Host; 6] = [
    GREATEST,
    LEAST,
    function(
        "math.abs",
        &[param("x", "dyn")],
        "dyn",
        abs,
        "A number without its sign.",
        "math.abs(-2) == 2",
    ),
    function(
        "math.ceil",
        &[param("x", "double")],
        "double",
        |_, args| rounded(args, f64::ceil),
        "The next whole number upwards.",
        "math.ceil(1.2) == 2.0",
    ),
    function(
        "math.floor",
        &[param("x", "double")],
        "double",
        |_, args| rounded(args, f64::floor),
        "The next whole number downwards.",
        "math.floor(1.8) == 1.0",
    ),
    function(
        "math.round",
        &[param("x", "double")],
        "double",
        |_, args| rounded(args, f64::round),
        "The nearest whole number, halves away from zero.",
        "math.round(1.5) == 2.0",
    ),
];

fn greatest<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    extreme(call, args, Ordering::Greater)
}

fn least<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    extreme(call, args, Ordering::Less)
}

fn extreme<'a>(
    call: &Call<'a, '_>,
    args: &[Val<'a>],
    wanted: Ordering,
) -> Result<Val<'a>, EvalError> {
    let [Val::List(Seq { items, whole })] = args else { return Err(NOT_SO) };
    if !whole {
        return Ok(Val::Unknown);
    }
    call.charge(items.len())?;
    let mut best: Option<Val<'a>> = None;
    for item in *items {
        match item {
            Val::Int(_) | Val::Double(_) => {}
            Val::Unknown => return Ok(Val::Unknown),
            _ => return Err(NOT_SO),
        }
        let better = match best {
            Some(best) => order(*item, best)? == Some(wanted),
            None => true,
        };
        if better {
            best = Some(*item);
        }
    }
    best.ok_or(EvalError::Arithmetic("there is no number to choose from"))
}

fn abs<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Int(number)] => match number.checked_abs() {
            Some(number) => Ok(Val::Int(number)),
            None => Err(EvalError::Arithmetic("number too large")),
        },
        [Val::Double(number)] => Ok(Val::Double(number.abs())),
        _ => Err(NOT_SO),
    }
}

fn rounded<'a>(args: &[Val<'a>], how: fn(f64) -> f64) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Double(number)] => Ok(Val::Double(how(*number))),
        #[expect(clippy::cast_precision_loss, reason = "as CEL's `double()` does")]
        [Val::Int(number)] => Ok(Val::Double(*number as f64)),
        _ => Err(NOT_SO),
    }
}
