"""Rules about several processes that train one model together."""
