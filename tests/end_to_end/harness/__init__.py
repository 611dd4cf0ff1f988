"""The crash harness: real processes killed, frozen and thawed; PARS's books say what came of it."""
