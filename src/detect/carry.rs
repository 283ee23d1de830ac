//! One account's findings and windows carried over to new content.
//!
//! A reason lives as long as its detector: where that is no more, nobody could ever see the end of
//! it, so it is withdrawn with the old content's words.

use std::sync::Arc;

use crate::content::Content;
use crate::model::{Step, Translation};
use crate::state::Moves;

use super::heard::Heard;
use super::tell::Parts;
use super::{CellFindings, Open, Scene, Told, step};

impl CellFindings {
    /// Withdraws the findings whose detectors `new` does not have, while the old content, of
    /// `scene`, is still there to tell it.
    pub fn withdraw(&mut self, new: &Content, scene: &Scene<'_>) -> Vec<Told> {
        let mut told = Vec::new();
        for at in self.open.places() {
            let mut list = self.open.take(at, scene.state.cell());
            list.retain_mut(|open| {
                let stays = |id: &str| new.detectors.iter().any(|detector| *detector.id == *id);
                let reasons = &open.finding.reasons;
                if reasons.iter().any(|reason| stays(&reason.detector)) {
                    open.finding.reasons.retain(|reason| stays(&reason.detector));
                    open.remember();
                    return true;
                }
                let time = scene.state.watermark.max(open.finding.opened);
                told.push(step(open, Step::Retracted, scene, time, Parts::default()));
                false
            });
            self.open.put(at, &list);
        }
        told
    }

    /// Files everything under the ids and places of the new content.
    pub fn carry_over(
        &mut self,
        moves: &Moves,
        translation: &Translation<'_>,
        new: &Content,
        scene: &Scene<'_>,
    ) {
        self.open.refile(scene.state.cell(), &mut |open: Open| {
            let kind = translation.kind(open.finding.kind)?;
            let at = moves.get(&open.at).copied().unwrap_or(open.at);
            let finding = crate::model::Finding { kind, ..open.finding };
            Some(Open { finding, at, ..open })
        });
        self.windows.carry_over(moves, translation, new);
    }
}

impl Heard {
    /// The same under the new ids; `None` where its resource's kind is no more.
    pub(super) fn carried(
        &self,
        moves: &Moves,
        translation: &Translation<'_>,
    ) -> Option<Arc<Self>> {
        let kind = translation.kind(self.kind)?;
        let finding = self.finding.map(|(at, uid)| (moves.get(&at).copied().unwrap_or(at), uid));
        Some(Arc::new(Self { finding, kind, ..self.clone() }))
    }
}
