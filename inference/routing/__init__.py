"""Who answers: routes, their strategies, circuit breakers, failover and hedging."""
