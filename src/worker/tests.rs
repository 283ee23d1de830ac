//! Workers in a simulated world: every fault that a seed draws, and what must hold all the same.

mod lab;
mod mutants;
mod shrink;
mod sim;
