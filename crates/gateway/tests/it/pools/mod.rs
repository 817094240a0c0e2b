//! Pools through the front door: which key serves a call, what an answer teaches, and what the client sees of it.

mod a_cases;
mod events;
mod fallbacks;
mod faults;
mod faults_slow;
mod k02_dead_key;
mod k03_neither_eager_nor_for_ever;
mod k04_groups;
mod k05_strategies;
mod k06_headroom;
mod k07_affinity;
mod k08_attempts;
mod k08_outage;
mod k09_bodies;
mod k09_other_shapes;
mod k09_streams;
mod k10_lifecycle;
mod l03_limits;
mod l05_upstream;
mod m11_chaos;
mod refusals;
