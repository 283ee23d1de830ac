//! Parts that are watched: evaluated as ever, and what they came to told.

use crate::expr::api::{Call, EvalError};
use crate::expr::ir::{Piece, Watched};
use crate::model::Val;

use super::{Frame, eval};

#[cold]
pub(super) fn run<'a>(
    part: &'a Watched,
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    // Watching costs no fuel: what runs out without it runs out with it, and nothing else does.
    call.fuel.set(call.fuel.get().saturating_add(1));
    let Some(watch) = call.world.watch() else { return eval(&part.node, frame, call) };
    match &part.piece {
        Piece::Part { place, text, path, .. } => watch.enter(*place, text, *path),
        Piece::Element { slot, name, .. } => {
            let item = frame.locals.get(*slot).map(std::cell::Cell::get).unwrap_or_default();
            watch.element(name, item, call);
        }
        Piece::Body => watch.enter_body(),
    }
    let result = eval(&part.node, frame, call);
    match &part.piece {
        Piece::Part { within, .. } => watch.leave(&result, within, call),
        Piece::Element { decisive, .. } => watch.answered(&result, *decisive),
        Piece::Body => watch.leave_body(),
    }
    result
}
