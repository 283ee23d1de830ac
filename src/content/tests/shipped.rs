//! The pack that is part of the program.

use super::*;

#[test]
fn the_shipped_pack_loads() {
    let files = Files::shipped();
    match load(&files, &tables()) {
        Ok((content, warnings)) => {
            println!("{}", listing(&warnings));
            assert!(!content.schema.kinds.is_empty(), "the pack is empty");
        }
        Err(faults) => {
            let errors: Vec<Fault> =
                faults.into_iter().filter(|fault| fault.level == Level::Error).collect();
            panic!("{} errors\n{}", errors.len(), listing(&errors));
        }
    }
}
