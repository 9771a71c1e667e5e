"""Flash operations of the mail store: measured, printed beside their limits, and the measurements behind its design."""
