package apiv1

// OAuthToken is what the token endpoint /oauth2/token gives out.
type OAuthToken struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"` // "bearer"
	ExpiresIn    int    `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// OAuthError is an error of the endpoints of OAuth 2, as RFC 6749 names it.
type OAuthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// PasswordChange sets a password, or confirms with the present one.
type PasswordChange struct {
	CurrentPassword string `json:"current_password"`
	Password        string `json:"password,omitempty"`
}

// FactorSetup is what a program on a phone needs for one-time codes.
type FactorSetup struct {
	Secret string `json:"secret"` // base32
	URL    string `json:"url"`    // otpauth://
}

// FactorCode is a one-time code.
type FactorCode struct {
	Code string `json:"code"`
}

// FactorRecovery are codes for log-ins without the phone, each good once.
type FactorRecovery struct {
	Codes []string `json:"recovery_codes"`
}

// SSHKeyCreate registers a public key.
type SSHKeyCreate struct {
	Title string `json:"title,omitempty"`
	Value string `json:"value"`
}

// CertificateRequest asks for an SSH certificate for a public key.
type CertificateRequest struct {
	Key string `json:"key"`
}

// SSHCertificate is an SSH certificate of a user.
type SSHCertificate struct {
	Certificate string `json:"certificate"`
}

// SSHAuthorities are the public keys that certificates of users are signed with.
type SSHAuthorities struct {
	Authorities []string `json:"authorities"`
}
