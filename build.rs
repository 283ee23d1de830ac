//! Builds the program anew when the shipped pack changes: it is embedded.

fn main() {
    println!("cargo:rerun-if-changed=config/content");
}
