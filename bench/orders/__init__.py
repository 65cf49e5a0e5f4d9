"""Orders measured where methods lose them, beside what theory and literature say: `docs/orders.md`."""
