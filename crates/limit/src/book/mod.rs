//! The money: what budgets have left, held and spent.
