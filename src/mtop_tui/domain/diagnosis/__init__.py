"""Why a service does not do what it should: facts in, ranked causes out."""
