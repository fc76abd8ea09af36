/** What a call may be given on its way at most: it stands on each message of the call. */
export const MAX_PARAMETERS = 50;
export const MAX_PARAMETERS_BYTES = 4_096;
