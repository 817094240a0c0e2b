mod collector;
mod delivery;
mod rows;
mod shutdown;
mod spans;
mod tally;
