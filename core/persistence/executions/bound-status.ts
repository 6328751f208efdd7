// States as parameters, for statements of the worker that find executions by their ids.

// A plan made for all parameters that reads the word in the text takes "all that are queued" for few rows, and looks for
// the ids in the partial index on them. In there are also the dead entries of the last minutes: a claim of ten took 11 ms
// after 10,000 executions, and 0.9 by the ids' own index.
export const QUEUED = "queued";
export const RUNNING = "running";
