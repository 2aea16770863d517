"""What-if: a site's context with changes, replayed, planned and sized beside the unchanged one; nothing is written."""
