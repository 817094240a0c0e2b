//! Choosing.
fn main() {
    divan::main();
}
