/** The types of all carriers' in-nodes. */
export const inNodeTypes = new Set<string>();
