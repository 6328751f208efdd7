// What data can be labelled as: health, legally privileged, personal, payment cards.

export const DATA_LABELS = ["phi", "privileged", "pii", "pci"] as const;
