"""Who may: staff with roles, single-use sign-in links, app tokens with scopes. Knows no Flask."""
